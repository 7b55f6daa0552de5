import SwerveCore
import Testing

@testable import SwerveRuntime

/// User configurations as people see them.
@Suite struct UserConfigTests {
    private struct Config: Codable, Sendable {
        var words: [String] = []
        var limit = 0.5
    }

    @Test func `the program's is shown as a configuration file would give it, and one of a file as it is`() {
        let config = Config(words: ["a/b"], limit: 2)
        #expect(ApplicationBuilder.shown(config, nil)?.json == #"{"limit":2,"words":["a/b"]}"#)
        #expect(ApplicationBuilder.shown(config, ["limit": 3])?.json == #"{"limit":3}"#)
        #expect(ApplicationBuilder.shown(nil, nil)?.json == nil)
    }

    @Test func `what JSON cannot express, and what is too long, is not shown`() {
        #expect(ApplicationBuilder.shown(Config(limit: .infinity), nil)?.json == nil)
        let most = ShownUserConfig.maximumBytes
        func shown(_ bytes: Int) -> String? {
            ApplicationBuilder.shown([String(repeating: "x", count: bytes)], nil)?.json
        }
        #expect(shown(most - 4)?.utf8.count == most)
        #expect(shown(most - 3) == nil)
    }

    @Test func `it is no difference between two specifications`() {
        var spec = DeploymentSpec(
            id: DeploymentID(application: "a", deployment: "D"),
            typeName: "T",
            arguments: [],
            options: DeploymentOptions(),
            answersHTTP: false
        )
        spec.shownUserConfig = ShownUserConfig(#"["a","b"]"#)
        var other = spec
        other.shownUserConfig = ShownUserConfig(#"["b","a"]"#)
        #expect(spec == other && spec.hashValue == other.hashValue)
    }
}
