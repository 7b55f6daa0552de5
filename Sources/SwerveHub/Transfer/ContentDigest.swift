internal import Crypto

/// Computes a file's hash as the bytes arrive, to compare it with the file's tag.
///
/// A tag of 64 hexadecimal digits is the SHA-256 of a large file. A tag of 40 is git's name for a small file: the SHA-1
/// of `blob <size>`, a zero byte and the bytes. Other tags are not checked.
struct ContentDigest {
    private enum Kind {
        case sha256(SHA256)
        case git(Insecure.SHA1)
        case none
    }

    private var kind: Kind
    private let etag: String

    init(etag: String, size: Int?) {
        self.etag = etag
        if HubName.isHex(etag, count: 64) {
            kind = .sha256(SHA256())
        } else if HubName.isHex(etag, count: 40), let size {
            var hash = Insecure.SHA1()
            hash.update(data: Array("blob \(size)\0".utf8))
            kind = .git(hash)
        } else {
            kind = .none
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch kind {
        case .sha256(var hash):
            kind = .none
            hash.update(bufferPointer: bytes)
            kind = .sha256(hash)
        case .git(var hash):
            kind = .none
            hash.update(bufferPointer: bytes)
            kind = .git(hash)
        case .none: break
        }
    }

    /// The hash of the bytes when it differs from the tag; nil when it matches.
    func mismatch() -> String? {
        let found: String
        switch kind {
        case .sha256(let hash): found = hash.finalize().map(ContentDigest.hex).joined()
        case .git(let hash): found = hash.finalize().map(ContentDigest.hex).joined()
        case .none: return nil
        }
        return found == etag ? nil : found
    }

    private static func hex(_ byte: UInt8) -> String {
        byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
    }
}
