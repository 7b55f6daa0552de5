import Foundation
import NIOCore

/// The files that `dev/make-golden.py` makes.
enum Golden {
    struct Missing: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is missing: run make setup-test" }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func bytes(_ path: String) throws -> ByteBuffer {
        let url = root.appending(path: ".cache/golden").appending(path: path)
        guard let data = try? Data(contentsOf: url) else { throw Missing(path: url.path) }
        return ByteBuffer(bytes: data)
    }

    static func json<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(bytes(path).readableBytesView))
    }
}
