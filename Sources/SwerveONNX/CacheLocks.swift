internal import SwerveSystem

/// The locks of the folders in a cache, as files in a folder of their own.
///
/// The system releases a lock when its holder dies, however that happens. A removed folder's locks are removed with it.
struct CacheLocks {
    enum Kind: String {
        case make, use
    }

    /// The folder of the locks.
    let folder: String

    private func path(_ kind: Kind, _ name: String) -> String { "\(folder)/\(name).\(kind.rawValue)" }

    /// Waits for a lock on the thread that calls.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func wait(_ kind: Kind, _ name: String, isShared: Bool) throws -> LockedFile {
        do {
            return try LockedFile(waitingFor: path(kind, name), isShared: isShared, makingWith: 0o600)
        } catch {
            throw ONNXError(.cacheFailed, "\(error); the cache needs a file system with locks, see SWERVE_CACHE")
        }
    }

    /// Runs the body while nobody makes, uses or removes the folder of that name; does nothing if somebody does.
    func whileUnused(_ name: String, _ body: () -> Void) {
        guard let make = try? LockedFile(path(.make, name), makingWith: 0o600),
            let use = try? LockedFile(path(.use, name), makingWith: 0o600)
        else { return }
        body()
        for kind in [Kind.make, .use] { try? FileSystem.remove(path(kind, name)) }
        withExtendedLifetime((make, use)) {}
    }
}
