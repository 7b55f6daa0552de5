package import ArgumentParser
internal import SwerveSystem

/// `swerve`: what a person does with an instance.
package struct SwerveTool: AsyncParsableCommand {
    package init() {}

    package static let configuration = CommandConfiguration(
        commandName: "swerve",
        abstract: "Serves models.",
        discussion: """
            Exit codes: 0 done; 1 the command failed; 3 an application is not healthy; 64 the command line is wrong; 69 no \
            instance answers; 77 the token is missing or wrong. Completion: swerve --generate-completion-script bash.
            """,
        subcommands: [
            Start.self, Run.self, Deploy.self, Plan.self, Status.self, Logs.self, Config.self, Scale.self,
            Rollback.self,
            Delete.self,
            Shutdown.self, New.self,
        ]
    )

    package static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            ThisProcess.flush()
            StandardError.write("error: \(failure.description)\n")
            ThisProcess.exit(failure.code)
        } catch {
            exit(withError: error)
        }
    }
}

/// Prints a text and passes it on at once, also when standard output is a file or a pipe that somebody follows.
func print(_ text: String, terminator: String = "\n") {
    Swift.print(text, terminator: terminator)
    ThisProcess.flush()
}
