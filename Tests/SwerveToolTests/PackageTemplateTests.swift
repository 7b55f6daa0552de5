import Testing

@testable import SwerveTool

@Suite struct PackageTemplateTests {
    @Test(arguments: ["hello", "my-app", "A_1"])
    func `a name of letters, digits and dashes is fine`(_ name: String) {
        #expect(PackageTemplate.problem(with: name) == nil)
    }

    @Test(arguments: ["", "1st", "a b", "../a", "größe", "swift", String(repeating: "a", count: 65)])
    func `another name is refused with a reason`(_ name: String) {
        #expect(PackageTemplate.problem(with: name) != nil)
    }

    @Test func `the type of the application is the name in camel case`() {
        #expect(PackageTemplate(name: "my-first_app", swerve: ".").typeName == "MyFirstApp")
    }

    @Test func `a path and an address of Swerve give different dependencies`() {
        let local = PackageTemplate(name: "a", swerve: "/src/swerve").files[0].text
        #expect(local.contains(#".package(name: "swerve", path: "/src/swerve")"#))
        let remote = PackageTemplate(name: "a", swerve: "https://example.org/swerve").files[0].text
        #expect(remote.contains(#".package(url: "https://example.org/swerve", branch: "main")"#))
    }

    @Test func `a name in a path is escaped`() {
        #expect("a b/ü".asPathPart == "a%20b%2F%C3%BC")
        #expect("seg-1_x.y~".asPathPart == "seg-1_x.y~")
    }
}
