internal import Subprocess
package import SwerveCore
internal import SwerveLogs
internal import SwerveSystem
internal import Synchronization

#if canImport(System)
    internal import System
#else
    internal import SystemPackage
#endif
/// Runs replicas as processes of this machine, by default from this process's own executable: the file that runs, also
/// when another one has taken its name since.
///
/// What they write to standard error is passed on to this process's, so that output from user code appears where it would
/// without replicas; standard output as well, which they inherit unless somebody keeps it. They inherit no other
/// descriptors, except one as standard input where it is given. Every signal has its default effect in them, including those that this process
/// ignores. Each process has its own session: terminal input and the terminal's end reach only this process, which then
/// ends its replicas in its own time.
package final class LocalProcessLauncher: ProcessLauncher {
    private enum Child {
        case starting(isKilled: Bool)
        case running(ChildProcess)
    }
    private let children = Mutex<[ReplicaID: Child]>([:])
    private let executable: String
    /// The program's name, as `argv[0]`.
    private let name: String
    private let arguments: [String]
    private let usesDescriptors: Bool
    private let standardInput: Int32?
    private let output: ProcessOutput

    /// - Parameters:
    ///   - executable: the path of the program that hosts replicas; this process's own by default.
    ///   - standardInput: the descriptor that the processes get as standard input, which stays open; none by default.
    ///   - output: what becomes of what the processes write; by default it is passed on.
    ///   - usesDescriptors: whether to refer to processes by descriptors where the system has them.
    package init(
        executable: String? = nil,
        arguments: [String] = [],
        standardInput: Int32? = nil,
        output: ProcessOutput = ProcessOutput(),
        usesDescriptors: Bool = true
    ) throws(ServeError) {
        (self.executable, self.name) = if let executable { (executable, executable) } else { try Self.ownExecutable() }
        self.arguments = arguments
        self.standardInput = standardInput
        self.output = output
        self.usesDescriptors = usesDescriptors
    }

    package func start(
        _ replica: ReplicaID,
        executable: String? = nil,
        environment: LaunchEnvironment,
        report: @escaping @Sendable (ProcessEvent) -> Void
    ) {
        children.withLock { $0[replica] = .starting(isKilled: false) }
        // Unstructured: the task lives as long as the process, which the controller ends by killing it.
        Task {
            let reason: String
            let source = output.source(replica)
            output.store?.began(source)
            let relays = relays(of: source)
            do {
                // A relative path means something else in another folder.
                let executable = Self.path(executable ?? self.executable, in: environment.workingDirectory)
                let status =
                    if let standardInput {
                        try await run(
                            executable,
                            environment,
                            input: .fileDescriptor(
                                FileDescriptor(rawValue: standardInput),
                                closeAfterSpawningProcess: false
                            ),
                            relays
                        ) { await self.live(replica, $0, report) }
                    } else {
                        try await run(executable, environment, input: .none, relays) {
                            await self.live(replica, $0, report)
                        }
                    }
                reason = LaunchFailure.describe(status)
            } catch {
                reason = LaunchFailure.describe(error, executable: executable ?? name)
            }
            _ = children.withLock { $0.removeValue(forKey: replica) }
            _ = await relays.output?.lastLines()
            let lastOutput = await relays.errors?.lastLines() ?? ""
            output.store?.ended(source)
            report(.exited(reason: reason, lastOutput: lastOutput))
        }
    }

    private typealias Relays = (output: OutputRelay?, errors: OutputRelay?)

    /// Standard output is inherited if nobody keeps it; both are when no descriptors are left.
    private func relays(of source: LogSource) -> Relays {
        let errors = output.passesOn ? StandardError.descriptor : nil
        guard let store = output.store else { return (nil, OutputRelay(to: errors)) }
        func relay(_ stream: OutputStream, to destination: Int32?) -> OutputRelay? {
            OutputRelay(to: destination, limit: store.options.maxLineBytes) { store.add($0, from: source, stream) }
        }
        return (relay(.output, to: output.passesOn ? StandardOutput.descriptor : nil), relay(.error, to: errors))
    }

    /// - Parameter body: called with the process id once the process exists. Until it returns, nobody waits for the
    ///   process, so that the id stays valid.
    private func run(
        _ executable: String,
        _ environment: LaunchEnvironment,
        input: some InputProtocol,
        _ relays: Relays,
        _ body: @Sendable (Int32) async -> Void
    ) async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.createSession = true
        return try await Subprocess.run(
            .path(FilePath(executable)),
            arguments: Arguments(executablePathOverride: name, remainingValues: arguments),
            environment: Self.variables(environment),
            workingDirectory: environment.workingDirectory.map { FilePath($0) },
            platformOptions: options,
            input: input,
            output: .fileDescriptor(
                relays.output.map { FileDescriptor(rawValue: $0.writingEnd) } ?? .standardOutput,
                closeAfterSpawningProcess: relays.output != nil
            ),
            error: .fileDescriptor(
                relays.errors.map { FileDescriptor(rawValue: $0.writingEnd) } ?? .standardError,
                closeAfterSpawningProcess: relays.errors != nil
            )
        ) { execution in
            await body(execution.processIdentifier.value)
        }.terminationStatus
    }

    private static func variables(_ environment: LaunchEnvironment) -> Environment {
        if let entries = environment.entries(inheriting: ThisProcess.environment) {
            // Each is passed on as a C string.
            return .custom(entries.map { $0 + [0] })
        }
        var overrides: [Environment.Key: String?] = [:]
        for (key, value) in environment.allVariables {
            if let key = Environment.Key(rawValue: key) { overrides[key] = value }
        }
        return .inherit.updating(overrides)
    }

    private static func path(_ executable: String, in workingDirectory: String?) -> String {
        workingDirectory == nil ? executable : FileSystem.absolute(executable)
    }

    private func live(_ replica: ReplicaID, _ process: Int32, _ report: (ProcessEvent) -> Void) async {
        let child = ChildProcess(process, usesDescriptors: usesDescriptors)
        let isKilled = children.withLock { children in
            defer { children[replica] = .running(child) }
            return if case .starting(isKilled: true)? = children[replica] { true } else { false }
        }
        report(.launched(processID: process))
        if isKilled { kill(replica) }
        if case .number = child {
            await ChildProcess.end(of: process)
            _ = children.withLock { $0.removeValue(forKey: replica) }
        }
    }

    package func kill(_ replica: ReplicaID) {
        children.withLock { children in
            switch children[replica] {
            case .starting?: children[replica] = .starting(isKilled: true)
            // Under the lock, and so before the id of a process that was waited for can be reused.
            case .running(let child)?: child.kill()
            case nil: break
            }
        }
    }

    /// The file, by a name that means the running program in its children too, and the path it was started from.
    private static func ownExecutable() throws(ServeError) -> (file: String, path: String) {
        do {
            return (ThisProcess.runningExecutable, try ThisProcess.executable())
        } catch {
            throw ServeError(.system, "the path of this executable cannot be read: \(error.reason)")
        }
    }
}
