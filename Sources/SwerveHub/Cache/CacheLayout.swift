/// The layout of the cache, which is that of `huggingface_hub`.
///
/// ```
/// <cache>/models--owner--name/blobs/<etag>                   the bytes of a file
///                             blobs/<etag>.incomplete        the first bytes of one
///                             snapshots/<commit>/<path>      a link to ../../blobs/<etag>
///                             refs/<revision>                a file with the commit
///                             trees/<commit>.json            the files of a commit
/// <cache>/.locks/models--owner--name/<etag>.lock
/// ```
struct CacheLayout: Hashable, Sendable {
    let cacheFolder: String
    let folder: String
    private let name: String

    init(cacheFolder: String, repository: String) {
        self.cacheFolder = cacheFolder
        name = "models--" + repository.split(separator: "/").joined(separator: "--")
        folder = "\(cacheFolder)/\(name)"
    }

    var blobs: String { "\(folder)/blobs" }
    var locks: String { "\(cacheFolder)/.locks/\(name)" }

    func blob(_ etag: String) -> String { "\(blobs)/\(etag)" }
    func partial(_ etag: String) -> String { "\(blobs)/\(etag).incomplete" }
    func lock(_ etag: String) -> String { "\(locks)/\(etag).lock" }
    func reference(_ revision: String) -> String { "\(folder)/refs/\(revision)" }
    func snapshot(_ commit: String) -> String { "\(folder)/snapshots/\(commit)" }
    func tree(_ commit: String) -> String { "\(folder)/trees/\(commit).json" }

    /// A file of a snapshot.
    func pointer(_ path: String, commit: String) -> String { "\(snapshot(commit))/\(path)" }

    /// The target of the link from a snapshot's file to a blob.
    func target(of path: String, etag: String) -> String {
        let depth = path.utf8.count { $0 == UInt8(ascii: "/") }
        return String(repeating: "../", count: depth + 2) + "blobs/\(etag)"
    }

    /// The parent folder of a path.
    static func parent(_ path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}
