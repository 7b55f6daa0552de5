import Shouts
import SwerveConfig
import SwerveCore
import SwerveRuntime
import Testing

@testable import SwerveCommands

@Suite struct BuildTests {
    private let declared = try! DeclaredApplications([Shouting.self, Counting.self])

    private func config(_ wanted: DescribeRequest.Wanted?) async throws -> ServeConfig {
        try await BuildCommand.config(of: declared, wanted, executable: "/bin/services")
    }

    @Test func `it has all applications, with what differs from the defaults`() async throws {
        let config = try await config(nil)
        #expect(config.applications.map { "\($0.importPath)" } == ["/bin/services:shouting", "/bin/services:Counting"])
        #expect(config.applications[0].routePrefix?.path == "/shout")
        #expect(config.applications[0].args == nil)
        let shouter = try #require(config.applications[0].deployments.first { $0.name == "Shouter" })
        #expect(shouter.numReplicas == 2 && shouter.maxOngoingRequests == nil)
        #expect(try ServeConfig.parse(config.yaml).config == config)
    }

    @Test func `one application has the name, the route and the arguments of the command`() async throws {
        var wanted = DescribeRequest.Wanted("shouting")
        wanted.arguments = try ApplicationArguments(words: ["times=2"])
        (wanted.name, wanted.routePrefix) = ("loud", "/loud")
        let config = try await config(wanted)
        let loud = try #require(config.applications.first)
        #expect(config.applications.count == 1)
        #expect(loud.name == "loud" && loud.routePrefix?.path == "/loud")
        #expect("\(loud.importPath)" == "/bin/services:shouting")
        #expect(loud.args == ["times": "2"])
    }

    @Test func `an application that cannot be bound is an error, and so is one that is not there`() async {
        var impossible = DescribeRequest.Wanted("shouting")
        impossible.arguments = ApplicationArguments(["times": 0])
        let wanted = impossible
        await #expect(throws: (any Error).self) { try await config(wanted) }
        let unknown = DescribeRequest.Wanted("shoutin")
        await #expect(throws: ServeError.self) { try await config(unknown) }
    }
}
