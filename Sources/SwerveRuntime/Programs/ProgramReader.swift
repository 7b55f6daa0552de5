package import NIOCore
package import SwerveCore
package import SwerveLaunch
internal import SwerveSystem
internal import Synchronization

#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

/// Asks other programs for the applications that they declare, by running them.
package struct ProgramReader: Sendable {
    /// How long a program may take to describe an application, which includes resolving its values, such as models that
    /// are fetched from a hub: 10 minutes.
    package static let timeout = Duration.seconds(600)
    /// The longest description: 64 MiB.
    package static let maxAnswerBytes = 64 << 20

    private let folder: String
    private let instance: InstanceID
    private let clock: any EventLoop
    private let timeout: Duration

    /// - Parameters:
    ///   - folder: where answers are written; only this user may enter it.
    ///   - instance: which the specifications are for.
    ///   - clock: whose timers are used.
    package init(in folder: String, for instance: InstanceID, clock: any EventLoop, timeout: Duration = Self.timeout) {
        self.folder = folder
        self.instance = instance
        self.clock = clock
        self.timeout = timeout
    }

    /// What a program says of its applications, and of one in particular.
    ///
    /// - Parameters:
    ///   - path: of the executable.
    ///   - environment: what the process is started in.
    /// - Throws: ``ServeError`` with code `startFailed` if the program cannot be started, takes too long or does not
    ///   declare applications; what it answers itself, such as `notFound` for an application that it does not have. If the
    ///   caller is cancelled, the program is killed.
    package func ask(
        _ path: String,
        _ wanted: DescribeRequest.Wanted?,
        environment: LaunchEnvironment = LaunchEnvironment()
    ) async throws(ServeError) -> DescribeAnswer {
        let answer = "\(folder)/answer-\(UInt64.random(in: .min ... .max))"
        defer { try? FileSystem.remove(answer) }
        let request = DescribeRequest(answer: answer, instance: instance, wanted: wanted)
        var environment = environment
        do {
            environment.variables[DescribeRequest.variable] = String(
                decoding: try JSONEncoder().encode(request),
                as: UTF8.self
            )
        } catch {
            throw ServeError(.invalidOptions, "the arguments cannot be passed to '\(path)': \(error)")
        }
        let ended = try await run(path, environment)
        guard FileSystem.isFile(answer) else {
            throw ServeError(
                .startFailed,
                "'\(path)' declares no applications (see ServeApplication), or ended before it said which: \(ended)"
            )
        }
        let result: DescribeAnswer
        do {
            let bytes = try FileSystem.read(answer, limit: Self.maxAnswerBytes)
            result = try JSONDecoder().decode(DescribeAnswer.self, from: Data(bytes))
        } catch {
            throw ServeError(
                .startFailed,
                "what '\(path)' says of its applications cannot be read, perhaps it was built with another version of "
                    + "Swerve: \(error)"
            )
        }
        if let error = result.error { throw error }
        return result
    }

    /// Runs the program to its end.
    ///
    /// - Returns: how it ended.
    private func run(_ path: String, _ environment: LaunchEnvironment) async throws(ServeError) -> String {
        let launcher = try LocalProcessLauncher()
        let id = ReplicaID(deployment: DeploymentID(application: "", deployment: "description"), number: 0)
        let isLate = Mutex(false)
        let timer = clock.scheduleTask(in: .nanoseconds(timeout.nanoseconds)) {
            isLate.withLock { $0 = true }
            launcher.kill(id)
        }
        let ended = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                launcher.start(id, executable: path, environment: environment) { event in
                    guard case .exited(let reason, let output) = event else { return }
                    continuation.resume(returning: output.isEmpty ? reason : "\(reason); its last output:\n\(output)")
                }
            }
        } onCancel: {
            launcher.kill(id)
        }
        timer.cancel()
        if Task.isCancelled { throw ServeError(.startFailed, "the description of '\(path)' was cancelled") }
        if isLate.withLock({ $0 }) {
            throw ServeError(.startFailed, "'\(path)' did not describe its applications within \(timeout)")
        }
        return ended
    }
}
