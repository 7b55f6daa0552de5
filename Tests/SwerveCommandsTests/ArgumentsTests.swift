import Shouts
import SwerveCore
import SwerveHTTPTypes
import SwerveRuntime
import Testing

@testable import SwerveCommands

@Suite struct ArgumentsTests {
    @Test func `words become arguments, and a value may have an equals sign`() throws {
        let arguments = try ApplicationArguments(words: ["text=a=b", "times=2"])
        #expect(arguments.values == ["text": .string("a=b"), "times": .string("2")])
    }

    @Test(arguments: [["text"], ["=x"], ["a=1", "a=2"]])
    func `a word that is no argument is refused`(_ words: [String]) {
        #expect(throws: ServeError.self) { try ApplicationArguments(words: words) }
    }

    @Test func `texts are converted to the types of the arguments, and values of JSON stay`() throws {
        let texts = try ApplicationArguments(words: ["times=2", "loud=false", #"words=["x"]"#]).applied(
            to: Shouting.self
        )
        let values: [String: JSONValue] = ["times": 2, "loud": false, "words": ["x"]]
        let json = try ApplicationArguments(values).applied(to: Shouting.self)
        #expect(try ApplicationArguments.values(of: texts) == ApplicationArguments.values(of: json))
        #expect(try ApplicationArguments.values(of: texts)["text"] == "hello")
    }

    @Test func `an application is found by its name, and alone without one`() throws {
        let both = try DeclaredApplications([Shouting.self, Counting.self])
        #expect(try both.find("Counting") == Counting.self)
        #expect(throws: ServeError.self) { try both.find(nil) }
        #expect(try DeclaredApplications([Counting.self]).find(nil) == Counting.self)
        #expect(throws: ServeError.self) { try DeclaredApplications([]) }
        #expect(throws: ServeError.self) { try DeclaredApplications([Counting.self, Counting.self]) }
    }

    @Test func `a summary has the types and defaults of the arguments`() throws {
        let summary = try ApplicationSummary(Shouting.self)
        #expect(summary.name == "shouting" && summary.routePrefix == "/shout")
        #expect(summary.arguments.map(\.type) == [.boolean, .string, .integer, .array(.string)])
    }
}
