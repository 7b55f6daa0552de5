import Foundation
import NIOCore
import SwerveModels
import SwerveTensor

/// The models that `dev/make-models.py` makes, and their golden inputs and outputs.
enum Models {
    struct Missing: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is missing: run make setup-test" }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func path(_ name: String) throws -> String {
        let path = root.appending(path: ".cache/onnx/\(name).onnx").path
        guard FileManager.default.fileExists(atPath: path) else { throw Missing(path: path) }
        return path
    }

    static func folder(_ name: String) throws -> String {
        String(try path(name + "/model").dropLast("/model.onnx".count))
    }

    static func values(_ kind: String, of name: String) throws -> [String: ONNXValue] {
        let folder = root.appending(path: ".cache/onnx/cases/\(name)")
        var values: [String: ONNXValue] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) where file.hasPrefix(kind + "-") {
            let data = try Data(contentsOf: folder.appending(path: file))
            let key = String(file.dropFirst(kind.count + 1).prefix { $0 != "." })
            values[key] =
                file.hasSuffix(".npy")
                ? .tensor(try Tensor(npy: ByteBuffer(bytes: data)))
                : .text(try JSONDecoder().decode(StringTensor.self, from: data))
        }
        return values
    }

    static func tensors(_ kind: String, of name: String) throws -> [String: Tensor] {
        try values(kind, of: name).compactMapValues(\.tensor)
    }
}

/// Passes a new folder to a closure and removes it afterwards.
func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
}
