import Foundation
import SwerveCore
import SwerveLaunch
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A launcher whose processes are shells that run a script.
struct Shell: Sendable {
    let launcher: LocalProcessLauncher

    init(usesDescriptors: Bool = true) throws {
        launcher = try LocalProcessLauncher(
            executable: "/bin/sh",
            arguments: ["-c", #"eval "$SCRIPT""#],
            usesDescriptors: usesDescriptors
        )
    }

    /// Starts the script, passes its process to `body`, and waits for the process to end.
    ///
    /// - Returns: the reason for the end that the launcher reported.
    @discardableResult func run(
        _ script: String,
        _ environment: LaunchEnvironment = LaunchEnvironment(),
        number: UInt64 = 1,
        _ body: (ReplicaID, Int32) async throws -> Void = { _, _ in }
    ) async throws -> String {
        let replica = ReplicaID(number)
        var environment = environment
        environment.variables["SCRIPT"] = script
        var events = launcher.events(of: replica, environment).makeAsyncIterator()
        guard case .launched(let process) = await events.next() else { throw NotLaunched() }
        do { try await body(replica, process) } catch {
            launcher.kill(replica)
            throw error
        }
        guard case .exited(let reason, _) = await events.next() else { throw NotLaunched() }
        return reason
    }

    struct NotLaunched: Error {}
}

extension LocalProcessLauncher {
    /// The events reported about the replica, until it ends.
    func events(of replica: ReplicaID, _ environment: LaunchEnvironment = LaunchEnvironment()) -> AsyncStream<
        ProcessEvent
    > {
        let (stream, continuation) = AsyncStream.makeStream(of: ProcessEvent.self)
        start(replica, environment: environment) { event in
            continuation.yield(event)
            if case .exited = event { continuation.finish() }
        }
        return stream
    }
}

extension ReplicaID {
    init(_ number: UInt64) {
        self.init(deployment: DeploymentID(application: "app", deployment: "web"), number: number)
    }
}

/// A directory that exists during `body`.
func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    var template = Array("/tmp/launch-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { remove(path) }
    return try await body(path)
}

private func remove(_ path: String) {
    for name in names(in: path) { unlink("\(path)/\(name)") }
    rmdir(path)
}

/// Sorted.
func names(in path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
}

/// The lines of a file; none when there is no such file.
func lines(of path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var text: [UInt8] = []
    while case let byte = getc(file), byte != EOF { text.append(UInt8(byte)) }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
}
