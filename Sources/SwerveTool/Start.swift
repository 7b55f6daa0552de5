internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Swerve
internal import SwerveConfig
internal import SwerveCore
internal import SwerveSystem

/// `swerve start`.
struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts an instance that runs in the background, with a controller of its own.",
        discussion: """
            It keeps its applications in the state directory, so the next start goes on with them. Its own output goes \
            to the file log in that directory, that of its processes to files in the folder logs there, or --logs. \
            With --foreground it runs until it is told to end (Ctrl-C, SIGTERM), and all output goes to the terminal, \
            too.
            """
    )

    @Option(
        help: ArgumentHelp(
            "A configuration file for the instance: its http_options, logging_config and tracing. Options of the "
                + "command line come on top. Its applications are not deployed.",
            valueName: "file"
        )
    )
    var config: String?
    @Option(help: "The address to take HTTP requests at; 127.0.0.1 by default.") var host: String?
    @Option(help: "The port to take HTTP requests at; 8000 by default, 0 for any free one.") var port: Int?
    @Option(help: "How many processes take HTTP requests; by default 0, which is the instance's own process.")
    var proxies: Int?
    @Option(help: "The address of the admin server.") var adminHost = "127.0.0.1"
    @Option(help: "The port of the admin server; 0 for any free one.") var adminPort = 8265
    @Option(help: "The state directory; swerve in $XDG_STATE_HOME or ~/.local/state by default.") var state: String?
    @Flag(help: "Stay in the foreground.") var foreground = false
    @Flag(help: .hidden) var detached = false
    @OptionGroup(title: "Logs") var logs: LogArguments
    @OptionGroup(title: "Tracing") var tracing: TracingArguments

    /// The options of the instance.
    ///
    /// - Parameters:
    ///   - config: what ``config`` says; `nil` if there is none.
    ///   - state: the state directory.
    /// - Throws: ``Failure`` for what no instance starts with.
    func options(_ config: ServeConfig?, state: String) throws(Failure) -> ServeOptions {
        var options = ServeOptions()
        options.stateDirectory = state
        options.controller = .separate
        options.admin = AdminOptions(host: adminHost, port: adminPort)
        // In the background, nobody looks; the files have it all.
        options.logs = LogOptions(directory: "\(state)/logs", passesOn: !detached)
        do {
            if let config { try options.take(config) }
            options.host = host ?? options.host
            options.port = port ?? options.port
            options.proxies = proxies ?? options.proxies
            logs.apply(to: &options.logs)
            tracing.apply(to: &options.tracing)
            try options.validate()
        } catch let error as ServeError {
            throw Failure(error.message)
        } catch {
            throw Failure("\(error)")
        }
        return options
    }

    func run() async throws {
        let state = URL(filePath: try state ?? Self.usualState()).absoluteURL.path()
        // In the background, the command in the foreground has said what is wrong.
        let config = try config.map { try ConfigFile.read($0, warns: !detached) { $0.ignoredAtStart } }
        let options = try self.options(config, state: state)
        if foreground || detached { return try await serve(options, state) }
        try await detach(state)
    }

    private static func usualState() throws -> String {
        let home = ThisProcess.environmentVariable("HOME") ?? ""
        let base = ThisProcess.environmentVariable("XDG_STATE_HOME") ?? ""
        if !base.isEmpty { return "\(base)/swerve" }
        guard !home.isEmpty else {
            throw Failure("there is no home folder; say where the state goes: --state DIRECTORY")
        }
        return "\(home)/.local/state/swerve"
    }

    private func serve(_ options: ServeOptions, _ state: String) async throws {
        if detached { ThisProcess.leaveTerminal() }
        ServeLogging.bootstrap(options.logs)
        var options = options
        options.logger = Logger(label: "swerve")
        let instance = ServeInstance(options)
        try await instance.start()
        print(await addresses(instance, options.host))
        ThisProcess.flush()
        let rotation = detached ? Task { await OwnLog(state).watch() } : nil
        defer { rotation?.cancel() }
        try await instance.waitForShutdownSignal()
    }

    private func addresses(_ instance: ServeInstance, _ host: String) async -> String {
        """
        HTTP      http://\(host):\(await instance.port ?? 0)
        dashboard \(await instance.adminURL ?? "")
        token     \(await instance.adminTokenFile ?? "")
        """
    }

    /// How long the instance may take until it answers: 30 s.
    private static let patience = Duration.seconds(30)

    private func detach(_ state: String) async throws {
        try FileSystem.makeFolders(URL(filePath: state).deletingLastPathComponent().path())
        if !FileSystem.exists(state) { try FileSystem.makeFolder(state, mode: 0o700) }
        let own = OwnLog(state)
        own.rotate()
        let log = own.path
        let process = Process()
        process.executableURL = URL(filePath: try ThisProcess.executable())
        process.arguments = Array(CommandLine.arguments.dropFirst()) + ["--detached"]
        _ = FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600])
        guard let output = FileHandle(forWritingAtPath: log) else { throw Failure("'\(log)' cannot be written") }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        while clock.now < end {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if text.contains("\ntoken     "), text.hasSuffix("\n") {
                let lines = text.split(separator: "\n").filter { line in
                    ["HTTP ", "dashboard ", "token "].contains { line.hasPrefix($0) }
                }
                print("The instance runs (process \(process.processIdentifier)).")
                for line in lines { print(line) }
                return print("log       \(log)")
            }
            guard process.isRunning else {
                throw Failure("the instance did not start:\n\(text.trimmingCharacters(in: .whitespacesAndNewlines))")
            }
            try await clock.sleep(for: .milliseconds(20))
        }
        throw Failure("the instance does not answer after \(Self.patience); see '\(log)'")
    }
}
