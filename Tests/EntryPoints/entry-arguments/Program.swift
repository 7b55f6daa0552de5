import ArgumentParser
import Greeting

@main struct Program: AsyncParsableCommand {
    @Argument(help: "A word without which the program does not run; replicas are not given it.") var word: String

    func run() async throws {
        try await Greeting.run()
    }
}
