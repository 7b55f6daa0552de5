internal import Synchronization

/// The arguments of each application as they are in the file.
final class StoredArguments: Sendable {
    private let arguments = Mutex<[String: [[UInt8]]]>([:])

    subscript(application: String) -> [[UInt8]]? { arguments.withLock { $0[application] } }

    func set(_ application: String, _ new: [[UInt8]]?) { arguments.withLock { $0[application] = new } }
}

/// The builds of the program that each application needs.
final class NeededBuilds: Sendable {
    private let byApplication = Mutex<[String: Set<String>]>([:])

    var builds: Set<String> { byApplication.withLock { $0.values.reduce(into: []) { $0.formUnion($1) } } }

    /// - Returns: whether the application no longer needs one that it needed.
    @discardableResult
    func set(_ application: String, _ builds: Set<String>) -> Bool {
        byApplication.withLock { all in
            let before = all[application] ?? []
            all[application] = builds.isEmpty ? nil : builds
            return !before.isSubset(of: builds)
        }
    }
}
