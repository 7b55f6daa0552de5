internal import SwerveSystem

/// The list of a cache folder's files with their sizes and hashes, kept in the folder.
///
/// It tells a complete folder from one that a dying process, a full disk or somebody else left. The hash finds damage,
/// not malice: only the user can write to the folder.
struct CacheManifest {
    /// The name of the list's own file.
    static let name = "manifest"

    /// What the folder was made from.
    let key: String

    /// The list for the files that are in a folder.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed` when a file cannot be read.
    func bytes(of folder: String) throws -> [UInt8] {
        do {
            return Array(try text(of: folder).utf8)
        } catch {
            throw ONNXError(.cacheFailed, "\(error)")
        }
    }

    /// Whether a folder has the list, and the list fits the key and all files.
    func fits(_ folder: String) -> Bool {
        guard let found = Files.text("\(folder)/\(CacheManifest.name)"), found.hasPrefix(key) else { return false }
        return (try? text(of: folder)) == found
    }

    private func text(of folder: String) throws(SystemFailure) -> String {
        var text = key
        for name in FileSystem.names(in: folder) where name != CacheManifest.name {
            let (count, hash) = try CacheManifest.hash("\(folder)/\(name)")
            text += "\(name) \(count) \(String(hash, radix: 16))\n"
        }
        return text
    }

    /// The number of a file's bytes, and a hash of them that is fast to compute.
    private static func hash(_ path: String) throws(SystemFailure) -> (count: Int, hash: UInt64) {
        let file = try ReadOnlyFile(path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset = 0
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        while true {
            var count = 0
            // Fills the buffer, so that words never straddle two reads.
            while count < buffer.count {
                let more = try file.read(
                    at: offset + count,
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                )
                if more == 0 { break }
                count += more
            }
            if count == 0 { return (offset, hash) }
            for index in 0..<(count / 8) {
                hash = mixed(hash, buffer.load(fromByteOffset: index * 8, as: UInt64.self))
            }
            for index in (count / 8 * 8)..<count { hash = mixed(hash, UInt64(buffer[index])) }
            offset += count
        }
    }

    private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }
}
