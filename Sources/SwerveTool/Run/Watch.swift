internal import SwerveSystem

/// Sees when files change.
struct Watch: CustomStringConvertible {
    /// How often the files are looked at. A change counts once they were the same for as long.
    static let period = Duration.milliseconds(500)

    let description: String
    private let take: () throws -> FileSnapshot
    private var last: FileSnapshot

    /// Everything in a package that can be a source of its products.
    static func sources(of product: PackageProduct) throws -> Watch {
        try Watch("the sources of \(product.package)") { try FileSnapshot(package: product.package) }
    }

    static func file(_ path: String) throws -> Watch {
        try Watch(path) { FileSnapshot(files: [path]) }
    }

    private init(_ description: String, _ take: @escaping () throws -> FileSnapshot) throws {
        self.description = description
        self.take = take
        last = try take()
    }

    /// Waits until something is different from what it was when this was called last, and stays so for a moment.
    ///
    /// - Returns: the path of a file that changed, and how many others did.
    mutating func nextChange() async throws -> String {
        var previous = last
        while true {
            try await ContinuousClock().sleep(for: Self.period)
            let snapshot = try take()
            let isQuiet = snapshot == previous
            previous = snapshot
            let changed = snapshot.changes(since: last)
            guard isQuiet, let first = changed.first else { continue }
            last = snapshot
            return changed.count == 1 ? first : "\(first) and \(changed.count - 1) more"
        }
    }
}

/// Which files there are, and which content they have as far as their times and sizes tell.
struct FileSnapshot: Equatable {
    struct Stamp: Equatable {
        var size: Int
        var seconds: Int
        var nanoseconds: Int
        /// A file that was moved over another one may be as old and as large.
        var inode: UInt64
    }
    /// The most files that are watched: 50,000.
    static let maxFiles = 50_000

    private(set) var stamps: [String: Stamp] = [:]

    init(stamps: [String: Stamp]) {
        self.stamps = stamps
    }

    init(files: [String]) {
        for path in files { add(path) }
    }

    /// The manifest, and all files below the package's folder apart from hidden ones and those that a build makes.
    ///
    /// - Throws: ``Failure`` if they are more than ``maxFiles``.
    init(package: String) throws(Failure) {
        var folders = [package]
        while let folder = folders.popLast() {
            for name in FileSystem.names(in: folder) where !name.hasPrefix(".") && name != "Package.resolved" {
                let path = "\(folder)/\(name)"
                if FileSystem.isFolder(path), FileStatus(path, followingLinks: false)?.kind == .folder {
                    folders.append(path)
                } else {
                    add(path)
                }
            }
            if stamps.count > Self.maxFiles {
                throw Failure("\(package) has more than \(Self.maxFiles) files; --reload cannot watch them")
            }
        }
    }

    private mutating func add(_ path: String) {
        guard let status = FileStatus(path) else { return }
        stamps[path] = Stamp(
            size: status.size,
            seconds: status.modifiedSeconds,
            nanoseconds: status.modifiedNanoseconds,
            inode: status.inode
        )
    }

    /// The paths of files that are new, gone or different, sorted.
    func changes(since old: FileSnapshot) -> [String] {
        let paths = Set(stamps.keys).union(old.stamps.keys)
        return paths.filter { stamps[$0] != old.stamps[$0] }.sorted()
    }
}
