package import SwerveSystem

/// Files in the cache that are made from a model, and take long to make: a folder that is complete or absent.
///
/// A folder gets its name only when its bytes are on the disk, and ``CacheManifest`` checks all of them before each use.
/// Two locks guard it:
///
/// * `make`, shared by those who look for it, exclusive for the one who makes or removes it;
/// * `use`, shared by all who have its files open. A folder in use is not removed.
package struct CachedFiles {
    /// The most such folders in the cache: 32. The oldest that are not in use are removed first.
    package static let maximumFolders = 32
    /// How often to make a folder that is damaged or removed before it can be used.
    private static let maximumTries = 3

    /// A step of making the files, after which a process may die.
    package enum Step: String, Codable, CaseIterable, Sendable {
        case made, described, synced, published
    }

    /// The folder, and the lock that keeps it in the cache.
    package struct Lease {
        package let folder: String
        package let lock: LockedFile
    }

    private let cache: CacheFolder
    private let manifest: CacheManifest
    private let name: String

    /// - Parameter key: everything on which the files' content depends, in lines.
    init(_ key: String, in cache: CacheFolder) {
        self.cache = cache
        manifest = CacheManifest(key: key)
        name = CacheFolder.name(for: key)
    }

    /// Returns the folder; makes it first if needed, or waits for the one who does. A waiting replica is ended by its
    /// deployment's `startTimeout`, and a lock ends with its holder's process.
    ///
    /// - Parameters:
    ///   - reached: called after each step of making the files.
    ///   - make: writes the files to an empty folder.
    /// - Throws: ``ONNXError`` with code `cacheFailed`; what `make` throws.
    func prepare(_ reached: (Step) -> Void, make: (String) throws -> Void) throws -> Lease {
        let folders = try cache.subfolder("models")
        let locks = CacheLocks(folder: try cache.subfolder("locks"))
        let folder = "\(folders)/\(name)"
        for _ in 0..<CachedFiles.maximumTries {
            if let found = try find(folder, locks, isShared: true) { return found }
            let made = try find(folder, locks, isShared: false) {
                try fill(folder, in: folders, reached, make)
            }
            if let made {
                prune(folders, locks)
                return made
            }
        }
        throw ONNXError(.cacheFailed, "\(folder) was damaged each time it was made; check the disk and its free space")
    }

    /// Checks the folder, and takes it into use before anybody can remove it.
    ///
    /// - Parameter make: makes it if it is not complete.
    private func find(
        _ folder: String,
        _ locks: CacheLocks,
        isShared: Bool,
        make: () throws -> Void = {}
    ) throws -> Lease? {
        let lock = try locks.wait(.make, name, isShared: isShared)
        defer { withExtendedLifetime(lock) {} }
        if !manifest.fits(folder) {
            try make()
            guard manifest.fits(folder) else { return nil }
        }
        return Lease(folder: folder, lock: try locks.wait(.use, name, isShared: true))
    }

    /// Makes the folder while nobody else looks at it.
    private func fill(
        _ folder: String,
        in folders: String,
        _ reached: (Step) -> Void,
        _ make: (String) throws -> Void
    ) throws {
        let draft = "\(folders)/\(CacheFolder.partialPrefix)\(name)"
        // What a process left that died here.
        CacheFolder.remove(draft)
        do {
            try cache.makeFolder(draft)
            try make(draft)
            reached(.made)
            try cache.write(manifest.bytes(of: draft), to: "\(draft)/\(CacheManifest.name)")
            reached(.described)
            try cache.sync(draft)
            reached(.synced)
            // A damaged folder. Whoever has its files mapped keeps them.
            CacheFolder.remove(folder)
            try cache.publish(draft, as: folder)
            reached(.published)
        } catch {
            CacheFolder.remove(draft)
            throw error
        }
    }

    /// Removes the oldest folders that nobody uses or makes, until ``maximumFolders`` are left; and drafts without a maker.
    private func prune(_ folders: String, _ locks: CacheLocks) {
        let names = FileSystem.names(in: folders)
        for draft in names where draft.hasPrefix(CacheFolder.partialPrefix) {
            locks.whileUnused(String(draft.dropFirst(CacheFolder.partialPrefix.count))) {
                CacheFolder.remove("\(folders)/\(draft)")
            }
        }
        let made = names.filter { !$0.hasPrefix(CacheFolder.partialPrefix) && $0 != name }
        let ages = made.map { (name: $0, age: FileStatus("\(folders)/\($0)")?.modifiedSeconds ?? .max) }
        var spare = ages.count + 1 - CachedFiles.maximumFolders
        for (name, _) in ages.sorted(by: { ($0.age, $0.name) < ($1.age, $1.name) }) where spare > 0 {
            locks.whileUnused(name) {
                CacheFolder.remove("\(folders)/\(name)")
                spare -= 1
            }
        }
    }

    /// A hash of the processor features that optimized layouts depend on.
    static func processor() -> String {
        let lines = Files.text("/proc/cpuinfo")?.split(separator: "\n") ?? []
        let telling = lines.filter { $0.hasPrefix("flags") || $0.hasPrefix("model name") || $0.hasPrefix("Features") }
        return CacheFolder.name(for: Set(telling).sorted().joined(separator: "\n"))
    }
}
