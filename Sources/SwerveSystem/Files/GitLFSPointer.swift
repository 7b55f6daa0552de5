/// The short text that Git keeps in the place of a large file.
///
/// Clones without Git LFS, and servers that copy such clones, have the text where the file should be.
package enum GitLFSPointer {
    /// Pointers are shorter than this, by their specification.
    package static let maximumBytes = 1024

    private static let beginning = "version https://git-lfs.github.com/spec/"

    /// Whether the bytes of a whole file are a pointer.
    package static func isPointer(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count < maximumBytes && bytes.starts(with: beginning.utf8)
    }

    /// Whether a file is a pointer; false when it cannot be read.
    package static func isPointer(at path: String) -> Bool {
        guard let size = FileSystem.size(path), size < maximumBytes,
            let bytes = try? FileSystem.read(path, limit: maximumBytes)
        else { return false }
        return isPointer(bytes)
    }
}
