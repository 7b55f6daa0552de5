private import Crypto

/// What is in a working directory, with the digests of the files: two folders are the same if their manifests are.
package struct FolderManifest: Hashable, Sendable {
    package struct Item: Hashable, Sendable {
        package let entry: FolderEntry
        /// The SHA-256 of a file's bytes; empty for what has none.
        package let digest: [UInt8]
    }

    /// Sorted by path.
    package private(set) var items: [Item] = []

    package mutating func add(_ entry: FolderEntry, digest: [UInt8] = []) {
        items.append(Item(entry: entry, digest: digest))
    }

    /// The SHA-256 of the names, the kinds, the modes (whether a file is executable), the links' targets and the files'
    /// bytes, in hexadecimal digits.
    package var digest: String {
        var hash = SHA256()
        func add(_ text: String) {
            // With its length in front, so that no two lists of texts give the same bytes.
            hash.update(data: Array("\(text.utf8.count):".utf8))
            hash.update(data: Array(text.utf8))
        }
        add("swerve working directory 1")
        for item in items {
            add(item.entry.path)
            switch item.entry.kind {
            case .folder: add("folder")
            case .file(let size, let isExecutable):
                add(isExecutable ? "executable" : "file")
                add("\(size)")
                hash.update(data: item.digest)
            case .link(let target):
                add("link")
                add(target)
            }
        }
        return hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
    }

    /// The path of the first entry in which another manifest differs; `nil` if they are the same.
    package func difference(from other: FolderManifest) -> String? {
        for (mine, theirs) in zip(items, other.items) where mine != theirs {
            return min(mine.entry.path, theirs.entry.path)
        }
        if items.count == other.items.count { return nil }
        let longer = items.count > other.items.count ? items : other.items
        return longer[min(items.count, other.items.count)].entry.path
    }
}

/// The SHA-256 of a file's bytes, as they come.
package struct ContentDigest {
    private var hash = SHA256()

    package init() {}

    package mutating func add(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    package func finished() -> [UInt8] { Array(hash.finalize()) }
}
