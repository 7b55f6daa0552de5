import Foundation
import NIOCore
import SwerveTensor
import SwerveVision

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

    /// An image stored as an array.
    static func image(_ path: String) throws -> Image {
        let tensor = try Tensor(npy: bytes(path))
        let channels = tensor.shape.count == 2 ? 1 : tensor.shape[2]
        return try Image(
            width: tensor.shape[1],
            height: tensor.shape[0],
            channels: channels,
            pixels: tensor.values(as: UInt8.self)
        )
    }
}

/// Gives the same numbers on each run: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
