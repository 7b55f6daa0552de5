/// Where a working directory comes from.
package protocol FolderSource {
    /// What there is now, checked.
    func tree(_ limits: FolderLimits) throws(FolderProblem) -> FolderTree

    /// Reads a file of the tree from its beginning to its end.
    ///
    /// - Parameter take: called with the next bytes, more than none.
    /// - Throws: ``FolderProblem``, also if there are more or fewer bytes than the entry says.
    func read(
        _ entry: FolderEntry,
        _ take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void
    ) throws(FolderProblem)
}

extension FolderSource {
    /// Reads all of it.
    ///
    /// - Parameters:
    ///   - begin: called with each entry before its bytes, in the order of the tree.
    ///   - take: called with the bytes of the file that began last.
    package func manifest(
        _ limits: FolderLimits,
        begin: (FolderEntry) throws(FolderProblem) -> Void = { _ in },
        take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void = { _ in }
    ) throws(FolderProblem) -> FolderManifest {
        var manifest = FolderManifest()
        for entry in try tree(limits).entries {
            try begin(entry)
            guard case .file = entry.kind else {
                manifest.add(entry)
                continue
            }
            var digest = ContentDigest()
            try read(entry) { bytes throws(FolderProblem) in
                digest.add(bytes)
                try take(bytes)
            }
            manifest.add(entry, digest: digest.finished())
        }
        return manifest
    }
}
