import Greeting

@main struct Program {
    static func main() async throws {
        try await Greeting.run()
    }
}
