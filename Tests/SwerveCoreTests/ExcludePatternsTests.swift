import SwerveCore
import Testing

/// Patterns of what is left out, as git understands them.
@Suite struct ExcludePatternsTests {
    /// Which entries are left out, as `git check-ignore` says it: those that lie in a folder that is left out, too.
    private func leftOut(_ patterns: [String], of entries: [String]) throws -> [String] {
        let excludes = try ExcludePatterns(patterns)
        return entries.filter { entry in
            let isFolder = entry.hasSuffix("/")
            let names = entry.split(separator: "/")
            return names.indices.contains { index in
                let path = names[...index].joined(separator: "/")
                return excludes.leaveOut(path, isFolder: isFolder || index < names.count - 1)
            }
        }
    }

    private static let tree = [
        "a.ckpt", "keep.txt", "data/", "data/x.bin", "data/keep.txt", "lib/data/y.bin", "logs/", "logs/a.log",
        "lib/logs", "lib/x/", "lib/x/y/z.txt", "x",
    ]

    struct Case: Sendable, CustomTestStringConvertible {
        let patterns: [String]
        let leftOut: [String]
        init(_ patterns: String..., out leftOut: [String]) {
            (self.patterns, self.leftOut) = (patterns, leftOut)
        }
        var testDescription: String { patterns.joined(separator: ", ") }
    }

    @Test(arguments: [
        Case("*.ckpt", out: ["a.ckpt"]),
        // Without a slash but at its end, at any depth.
        Case("data", out: ["data/", "data/x.bin", "data/keep.txt", "lib/data/y.bin"]),
        Case("y.bin", out: ["lib/data/y.bin"]),
        // A slash at the beginning or in the middle anchors.
        Case("/data/", out: ["data/", "data/x.bin", "data/keep.txt"]),
        Case("lib/data", out: ["lib/data/y.bin"]),
        Case("data/y.bin", out: []),
        Case("/*.ckpt", out: ["a.ckpt"]),
        // A slash at the end means folders.
        Case("logs/", out: ["logs/", "logs/a.log"]),
        Case("logs", out: ["logs/", "logs/a.log", "lib/logs"]),
        Case("**/x", out: ["lib/x/", "lib/x/y/z.txt", "x"]),
        Case("****/x", out: ["lib/x/", "lib/x/y/z.txt", "x"]),
        Case("**/x/", out: ["lib/x/", "lib/x/y/z.txt"]),
        Case("lib/**/z.txt", out: ["lib/x/y/z.txt"]),
        Case("lib/**/x", out: ["lib/x/", "lib/x/y/z.txt"]),
        Case("data/**", out: ["data/x.bin", "data/keep.txt"]),
        Case("**", out: tree),
        // The last one that matches decides.
        Case("*.txt", "!keep.txt", out: ["lib/x/y/z.txt"]),
        Case("!keep.txt", "*.txt", out: ["keep.txt", "data/keep.txt", "lib/x/y/z.txt"]),
        Case("*", "!/*.txt", out: tree.filter { $0 != "keep.txt" }),
        // What lies in a folder that is left out stays out.
        Case("/data/", "!data/keep.txt", out: ["data/", "data/x.bin", "data/keep.txt"]),
        Case("/data/*", "!/data/keep.txt", out: ["data/x.bin"]),
        Case("/data/**", "!keep.txt", out: ["data/x.bin"]),
        Case("Data", "A.CKPT", out: []),
        Case(out: []),
    ])
    func `patterns leave out what git ignores`(_ example: Case) throws {
        #expect(try leftOut(example.patterns, of: Self.tree) == example.leftOut)
    }

    @Test(arguments: [
        ("a*c", ["ac", "abc", "abcabc"], ["ab", "a/c", "cac.d"]),
        ("a?c", ["abc", "aéc", "a😀c"], ["ac", "abbc"]),
        ("a**c", ["ac", "abc"], ["ab"]),
        ("*a*b*c", ["abc", "xaxbxc", "aabbcc"], ["acb", "ab"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x", "aax"]),
        ("[!a-c]x", ["dx", "éx"], ["ax"]),
        ("[^a-c]x", ["dx"], ["ax"]),
        ("[]-]x", ["]x", "-x"], ["ax"]),
        ("[[:digit:][:upper:]_]", ["7", "Q", "_"], ["q", ":"]),
        (#"[\]a]"#, ["]", "a"], ["\\"]),
        (#"\*.txt"#, ["*.txt"], ["a.txt"]),
        (#"\!a"#, ["!a"], ["a"]),
        (##"\#a"##, ["#a"], ["a"]),
        (#"a\ "#, ["a "], ["a"]),
        ("a   ", ["a"], ["a   "]),
        ("{a,b}", ["{a,b}"], ["a", "b"]),
        ("é", ["é"], ["e\u{301}"]),
    ])
    func `wildcards match within a name`(pattern: String, matching: [String], others: [String]) throws {
        #expect(try leftOut([pattern], of: matching + others) == matching)
    }

    @Test(arguments: [
        ("", "is empty; leave it out"),
        ("  ", "is empty; leave it out"),
        ("/", "names nothing; write '*' for everything"),
        ("!", "names nothing; write '*' for everything"),
        ("#data", ##"would be a comment in .gitignore; leave it out, or write '\#' for the character"##),
        ("a\0b", "contains a NUL byte"),
        ("a\nb", "has a line break in it; give each pattern as an element of its own"),
        ("a//b", "has two slashes in a row; write one"),
        (
            "../data",
            "has '.' or '..' in its path; patterns begin at the working directory, as in '/data' or 'data/raw'"
        ),
        ("./data", "has '.' or '..' in its path; patterns begin at the working directory, as in '/data' or 'data/raw'"),
        (#"data\"#, "has a backslash at the end of a name, where it escapes nothing; write '/' between names"),
        (#"data\/x"#, "has a backslash at the end of a name, where it escapes nothing; write '/' between names"),
        ("[ab", #"has a '[' without a ']'; write '\[' for the character"#),
        ("[a/b]", #"has a '[' without a ']'; write '\[' for the character"#),
        ("[]", #"has a '[' without a ']'; write '\[' for the character"#),
        ("[b-a]", "has the range 'b-a', in which nothing is"),
        ("[[:name:]]", "has '[:name' in a set; there are classes such as [:digit:], [:alpha:] and [:space:]"),
        (String(repeating: "a", count: 1025), "has more than 1024 bytes"),
    ])
    func `a pattern that means nothing is refused, with what is wrong`(pattern: String, problem: String) throws {
        let error = #expect(throws: ServeError.self) { try ExcludePatterns(["fine", pattern]) }
        #expect(error?.code == .invalidOptions)
        #expect(error?.message.hasPrefix("the pattern '") == true)
        #expect(error?.message.hasSuffix("' of what is left out \(problem)") == true, "\(error?.message ?? "")")
        #expect(ExcludePatterns.problem(with: pattern) == error?.message)
    }

    @Test func `there is a limit to their number`() throws {
        let most = [String](repeating: "a", count: ExcludePatterns.maximumCount)
        _ = try ExcludePatterns(most)
        let error = #expect(throws: ServeError.self) { try ExcludePatterns(most + ["b"]) }
        #expect(
            error?.message
                == "there are 1001 patterns of what is left out of the working directory; at most 1000 are possible"
        )
    }

    /// With backtracking to every wildcard, this would take longer than the universe is old.
    @Test func `many wildcards take no more than the product of both lengths`() throws {
        let name = String(repeating: "a", count: 250)
        let pattern = String(repeating: "*a", count: 100) + "b"
        let path = [String](repeating: "a", count: 60).joined(separator: "/")
        let folders = String(repeating: "**/a/", count: 50) + "b"
        #expect(try leftOut([pattern, folders], of: [name, path]) == [])
    }
}
