internal import Foundation
package import NIOCore
package import SwerveONNX
package import SwerveTensor
package import SwerveVision

/// What the scripts in `dev` generate for the tests: pictures, arrays and models, and the results of reference programs
/// for them.
package enum Golden {
    struct Missing: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is missing: run make setup-test" }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    package static func bytes(_ path: String) throws -> ByteBuffer {
        let url = root.appending(path: ".cache/golden").appending(path: path)
        guard let data = try? Data(contentsOf: url) else { throw Missing(path: url.path) }
        return ByteBuffer(bytes: data)
    }

    package static func json<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(bytes(path).readableBytesView))
    }

    /// What `dev/make-content.py` made: `forms` or `codings`.
    package static func content<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        let url = root.appending(path: ".cache/content/\(name).json")
        guard let data = try? Data(contentsOf: url) else { throw Missing(path: url.path) }
        return try JSONDecoder().decode(Value.self, from: data)
    }

    /// An image stored as an array.
    package static func image(_ path: String) throws -> Image {
        let tensor = try Tensor(npy: bytes(path))
        let channels = tensor.shape.count == 2 ? 1 : tensor.shape[2]
        return try Image(
            width: tensor.shape[1],
            height: tensor.shape[0],
            channels: channels,
            pixels: tensor.values(as: UInt8.self)
        )
    }

    package static func tensor(_ path: String) throws -> Tensor {
        try Tensor(npy: bytes(path))
    }

    /// The path of a golden file or folder.
    package static func path(_ path: String) throws -> String {
        let url = root.appending(path: ".cache/golden").appending(path: path)
        guard FileManager.default.fileExists(atPath: url.path) else { throw Missing(path: url.path) }
        return url.path
    }

    /// The folder of a model that `dev/make-b0.py` made: `tiny`, `b0` or `b1`.
    package static func modelFolder(_ variant: String) throws -> String {
        let url = root.appending(path: ".cache/models/segformer-\(variant)-random")
        guard FileManager.default.fileExists(atPath: url.appending(path: "config.json").path) else {
            throw Missing(path: url.path)
        }
        return url.path
    }

    /// A model that `dev/make-models.py` made, such as `several` or `external/model`.
    package static func model(_ name: String) throws -> String {
        let path = root.appending(path: ".cache/onnx/\(name).onnx").path
        guard FileManager.default.fileExists(atPath: path) else { throw Missing(path: path) }
        return path
    }

    /// The folder of a model that `dev/make-models.py` made as a folder.
    package static func folder(_ name: String) throws -> String {
        String(try model(name + "/model").dropLast("/model.onnx".count))
    }

    /// The inputs, or the outputs, of a golden case of `dev/make-models.py`.
    package static func values(_ kind: String, of name: String) throws -> [String: ONNXValue] {
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

    package static func tensors(_ kind: String, of name: String) throws -> [String: Tensor] {
        try values(kind, of: name).compactMapValues(\.tensor)
    }

    /// The library in the `.venv` of the repository.
    package static func runtime() throws -> ONNXRuntime {
        try ONNXRuntime.load(ONNXLibrarySearch(workingDirectory: root.path))
    }
}
