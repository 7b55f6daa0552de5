internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Swerve
internal import SwerveSystem

/// `swerve start`.
struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts an instance that runs in the background, with a controller of its own.",
        discussion: """
            It keeps its applications in the state directory, so the next start goes on with them. Its own output goes to \
            the file log in that directory, that of its processes to files in the folder logs. With --foreground it runs \
            until it is told to end (Ctrl-C, SIGTERM), and all output goes to the terminal, too.
            """
    )

    @Option(help: "The address to take HTTP requests at.") var host = "127.0.0.1"
    @Option(help: "The port to take HTTP requests at; 0 for any free one.") var port = 8000
    @Option(help: "How many processes take HTTP requests; 0 for the instance's own process.") var proxies = 0
    @Option(help: "The address of the admin server.") var adminHost = "127.0.0.1"
    @Option(help: "The port of the admin server; 0 for any free one.") var adminPort = 8265
    @Option(help: "The state directory; swerve in $XDG_STATE_HOME or ~/.local/state by default.") var state: String?
    @Option(help: "The folder for the output of its processes; logs in the state directory by default.")
    var logs: String?
    @Option(help: "How lines of logs are written: text or json.") var logFormat = "text"
    @Option(help: "The least level that is logged: trace, debug, info, notice, warning, error, critical.")
    var logLevel = "info"
    @Flag(help: "Write a line for each HTTP request.") var accessLog = false
    @Flag(help: "Stay in the foreground.") var foreground = false
    @Flag(help: .hidden) var detached = false

    func validate() throws {
        guard LogOptions.Format(logFormat) != nil else {
            throw ValidationError("--log-format is '\(logFormat)'; it must be text or json")
        }
        guard Logger.Level(rawValue: logLevel) != nil else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level is '\(logLevel)'; it must be one of \(levels)")
        }
    }

    private func logOptions(_ state: String) -> LogOptions {
        LogOptions(
            directory: logs ?? "\(state)/logs",
            format: LogOptions.Format(logFormat) ?? .text,
            level: Logger.Level(rawValue: logLevel) ?? .info,
            accessLog: accessLog,
            // In the background, nobody looks; the files have it all.
            passesOn: !detached
        )
    }

    func run() async throws {
        let state = URL(filePath: try state ?? Self.usualState()).absoluteURL.path()
        if foreground || detached { return try await serve(state) }
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

    private func serve(_ state: String) async throws {
        if detached { ThisProcess.leaveTerminal() }
        let logs = logOptions(state)
        ServeLogging.bootstrap(logs)
        var options = ServeOptions(host: host, port: port, proxies: proxies)
        options.stateDirectory = state
        options.controller = .separate
        options.admin = AdminOptions(host: adminHost, port: adminPort)
        options.logs = logs
        let instance = ServeInstance(options)
        try await instance.start()
        print(await addresses(instance))
        ThisProcess.flush()
        let rotation = detached ? Task { await OwnLog(state).watch() } : nil
        defer { rotation?.cancel() }
        try await instance.waitForShutdownSignal()
    }

    private func addresses(_ instance: ServeInstance) async -> String {
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
