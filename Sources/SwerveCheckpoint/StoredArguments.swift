internal import Synchronization

/// The arguments of each application as they are in the file.
final class StoredArguments: Sendable {
    private let arguments = Mutex<[String: [[UInt8]]]>([:])

    subscript(application: String) -> [[UInt8]]? { arguments.withLock { $0[application] } }

    func set(_ application: String, _ new: [[UInt8]]?) { arguments.withLock { $0[application] = new } }
}
