internal import ArgumentParser
internal import SwerveConfig
internal import SwerveCore
internal import SwerveRuntime
internal import SwerveSystem

/// Writes what the program says of its applications as a configuration file.
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Writes a configuration file for 'swerve deploy', to start from.",
        discussion: """
            It has the options that the program gives, apart from those that are the defaults anyway. Without \
            --application, --name, --route-prefix and arguments it has all applications of the program.
            """
    )

    @OptionGroup var choice: ApplicationChoice

    @Option(name: [.short, .long], help: "The file to write; standard output by default.")
    var output: String?

    func run() async throws {
        let yaml = try await Self.config(
            of: ProgramCommand.applications(),
            choice.isEmpty ? nil : choice.wanted(),
            executable: ThisProcess.executable()
        ).yaml
        do {
            _ = try ServeConfig.parse(yaml, file: output ?? "the configuration")
        } catch {
            // It is a file to start from: the user may say the rest.
            StandardError.write("warning: before it can be deployed, this has to change:\n\(error)\n")
        }
        guard let output else { return print(yaml, terminator: "") }
        do {
            try FileSystem.write(Array(yaml.utf8), to: output, mode: 0o644)
        } catch {
            throw ServeError(.system, "'\(output)' cannot be written: \(error)")
        }
    }

    /// - Parameters:
    ///   - wanted: `nil` for all applications of the program.
    ///   - executable: the path of the program.
    /// - Throws: what ``DeclaredApplications/spec(_:of:)`` throws.
    static func config(
        of declared: DeclaredApplications,
        _ wanted: DescribeRequest.Wanted?,
        executable: String
    ) async throws -> ServeConfig {
        var config = ServeConfig(applications: [])
        for wanted in wanted.map({ [$0] }) ?? declared.types.map({ DescribeRequest.Wanted($0.name) }) {
            let application = try declared.find(wanted.application).name
            let spec = try await declared.spec(wanted, of: Serve.instance.id)
            var one = ServeConfig(describing: [spec]) { _ in
                ImportPath(executable: executable, application: application)
            }
            if !wanted.arguments.values.isEmpty { one.applications[0].args = wanted.arguments.values }
            if config.applications.isEmpty { config = one } else { config.applications += one.applications }
        }
        return config
    }
}

extension ApplicationChoice {
    /// Whether nothing was chosen.
    var isEmpty: Bool { application == nil && name == nil && routePrefix == nil && arguments.isEmpty }
}
