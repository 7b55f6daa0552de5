import SwerveHTTPTypes
import Testing

@Suite struct PathPatternTests {
    @Test func `segments in braces match any text and are decoded`() {
        let pattern = PathPattern("/models/{name}/labels")
        #expect(pattern.match("/models/b0/labels") == ["name": "b0"])
        #expect(pattern.match("/models/a%2Fb%20c/labels") == ["name": "a/b c"])
        for path in ["/models//labels", "/models/b0", "/models/b0/labels/", "/models/b0/x", "/models/b0/labels/1"] {
            #expect(pattern.match(path) == nil)
        }
    }

    @Test func `literal segments match in their normal form`() {
        #expect(PathPattern("/größe").match("/gr%C3%B6%C3%9Fe") == [:])
        #expect(PathPattern("/a%2db").match("/a-b") == [:])
        #expect(PathPattern("/").match("/") == [:])
        #expect(PathPattern("/").match("/x") == nil)
    }

    @Test(arguments: ["a", "/a?b", "/{x}/{x}", "/a{x}", "/{}"])
    func `a path that cannot match says why`(path: String) {
        #expect(PathPattern(path).problem != nil)
    }
}
