import SwerveCore
import Testing

@Suite struct NearestNameTests {
    @Test(arguments: [("tmies", "times"), ("num_replica", "numReplicas"), ("default", "defualt"), ("Host", "host")])
    func `a name that is misspelled, or spelled in another style, is recognised`(_ name: String, _ meant: String) {
        #expect(NearestName.of(name, among: ["other", meant, "further"]) == meant)
    }

    @Test func `a name that resembles none has no nearest one`() {
        #expect(NearestName.of("colour", among: ["replicas", "port"]) == nil)
        #expect(NearestName.hint(for: "colour", among: ["replicas", "port"]) == "there is: port, replicas")
        #expect(NearestName.hint(for: "colour", among: [String]()) == "there is none")
    }

    @Test func `several are ordered by their distance`() {
        #expect(NearestName.several("defualt", among: ["default", "other", "deflate"]) == ["default"])
        #expect(NearestName.several("abc", among: ["abd", "abc", "xyz", "bc"]) == ["abc", "abd", "bc"])
    }
}
