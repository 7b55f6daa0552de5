internal import ArgumentParser
internal import SwerveCore
internal import SwerveRuntime
internal import SwerveSystem
internal import Synchronization

/// The command line of a program that declares applications.
struct ProgramCommand: AsyncParsableCommand {
    /// The applications of the program; set once, before the command line is read.
    static let declared = Mutex<[any ServeApplication.Type]>([])

    static var configuration: CommandConfiguration {
        let types = declared.withLock { $0 }
        let lines = types.map { type in
            let summary = try? ApplicationSummary(type)
            return "  \(type.name) \((summary?.arguments ?? []).map(\.text).joined(separator: " "))"
        }
        return CommandConfiguration(
            commandName: ThisProcess.name,
            abstract: "Serves \(types.map { $0.name }.joined(separator: ", ")).",
            discussion: "Applications and their arguments, with the defaults:\n" + lines.joined(separator: "\n"),
            subcommands: [RunCommand.self, PlanCommand.self, CheckCommand.self, BuildCommand.self],
            defaultSubcommand: RunCommand.self
        )
    }

    static func main(_ types: [any ServeApplication.Type]) async {
        await DeclaredApplications.answerRequest(types)
        declared.withLock { $0 = types }
        await Self.main()
    }

    /// The program's applications.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions`.
    static func applications() throws -> DeclaredApplications {
        try DeclaredApplications(declared.withLock { $0 })
    }
}

extension ApplicationSummary.Argument {
    /// As it is written on the command line, such as `replicas=2`.
    var text: String {
        guard let fallback else { return "[\(name)=…]" }
        if case .string(let text) = fallback { return "\(name)=\(text)" }
        return "\(name)=\(fallback.json)"
    }
}

/// Which application a subcommand is about.
struct ApplicationChoice: ParsableArguments {
    @Option(help: "Which application of the program; needed only if there are several.")
    var application: String?

    @Option(help: "What the application is called in the instance; its own name by default.")
    var name: String?

    @Option(help: "The path below which it answers HTTP; an empty text for none. Its own by default.")
    var routePrefix: String?

    @Argument(help: "The application's arguments, NAME=VALUE.")
    var arguments: [String] = []

    func wanted() throws -> DescribeRequest.Wanted {
        var wanted = DescribeRequest.Wanted(application)
        wanted.arguments = try ApplicationArguments(words: arguments)
        (wanted.name, wanted.routePrefix) = (name, routePrefix)
        return wanted
    }
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs an application until it is told to end (Ctrl-C, SIGTERM)."
    )

    @OptionGroup var choice: ApplicationChoice

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any free one.")
    var port = 8000

    @OptionGroup(title: "Logs")
    var logs: LogArguments

    @OptionGroup(title: "Tracing")
    var tracing: TracingArguments

    var options: ServeOptions {
        var options = ServeOptions(host: host, port: port)
        logs.apply(to: &options.logs)
        tracing.apply(to: &options.tracing)
        // The program may have set up swift-log, so what the instance logs has a logger of its own.
        if logs.saysHow { options.logger = ServeLogging.logger(options.logs) }
        return options
    }

    func run() async throws {
        let instance = Serve.instance
        try await Serve.start(options)
        do {
            let spec = try await ProgramCommand.applications().spec(try choice.wanted(), of: instance.id)
            try await instance.deploy(spec)
            if let port = await instance.port, let prefix = spec.routePrefix {
                print("\(spec.name) answers at http://\(host):\(port)\(prefix)")
            } else {
                print("\(spec.name) runs")
            }
            ThisProcess.flush()
        } catch {
            await Serve.shutdown()
            throw error
        }
        try await Serve.waitForShutdownSignal()
    }
}

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what running an application would start, without starting it."
    )

    @OptionGroup var choice: ApplicationChoice

    func run() async throws {
        let instance = Serve.instance
        let spec = try await ProgramCommand.applications().spec(try choice.wanted(), of: instance.id)
        print(try await instance.plan(spec), terminator: "")
    }
}

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Binds an application and checks its options, routes and arguments, without running it."
    )

    @OptionGroup var choice: ApplicationChoice

    func run() async throws {
        let spec = try await ProgramCommand.applications().spec(try choice.wanted(), of: Serve.instance.id)
        print("\(spec.name): ok")
        print("  route prefix: \(spec.routePrefix ?? "none")")
        for deployment in spec.deployments {
            let role = deployment.id.deployment == spec.ingress ? ", the ingress" : ""
            print("  deployment \(deployment.id.deployment)\(role)")
        }
    }
}
