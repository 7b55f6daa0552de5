import SwerveConfig
import SwerveCore
import Testing

/// The texts themselves: YAML, JSON, and what they may cost.
@Suite struct TextTests {
    private static func value(_ text: String) throws -> JSONValue? {
        let file = "applications: [{import_path: 'a:b', deployments: [{name: D, user_config: \(text)}]}]"
        return try ServeConfig.parse(file).config.applications[0].deployments[0].userConfigJSON
    }

    @Test(
        arguments: [
            ("1", 1), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("017", 17), ("1.5", 1.5), (".5", 0.5),
            ("2.", 2.0),
            ("1e3", 1000.0), ("true", true), ("False", false), ("yes", "yes"), ("off", "off"), ("12:30", "12:30"),
            ("0x", "0x"), ("1_000", "1_000"), ("'1'", "1"), ("\"\\u00e9\"", "é"), ("1.2.3", "1.2.3"), ("e3", "e3"),
            (".", "."),
            ("99999999999999999999", 1e20), ("!!str 5", "5"), ("[a, [], {}]", ["a", [], [:]]),
        ] as [(String, JSONValue)]
    )
    func `a plain scalar means what the core schema of YAML 1.2 says`(text: String, value: JSONValue) throws {
        #expect(try Self.value(text) == value)
    }

    @Test(arguments: ["~", "null", ""])
    func `a field with nothing behind it is left out`(text: String) throws {
        #expect(try Self.value(text) == nil)
    }

    @Test func `anchors, aliases and merge keys work, and own fields win`() throws {
        let text = """
            applications:
            - import_path: a:b
              deployments:
              - &base
                name: A
                num_replicas: 2
                ray_actor_options: &gpu {num_gpus: 0.5}
              - <<: *base
                name: B
              - {name: C, ray_actor_options: *gpu}
            """
        let deployments = try ServeConfig.parse(text).config.applications[0].deployments
        #expect(deployments.map(\.name) == ["A", "B", "C"])
        #expect(deployments.map(\.numReplicas) == [2, 2, nil])
        #expect(deployments.map { $0.resources?.gpus.value } == [0.5, 0.5, 0.5])
    }

    @Test func `a few lines cannot stand for billions of values`() {
        let bomb =
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + zip("bcdefghij", "abcdefghi").map { "\($0): &\($0) [*\($1),*\($1),*\($1),*\($1),*\($1),*\($1),*\($1)]\n" }
            .joined()
        let found = ErrorTests.problems(bomb)
        #expect(found.count == 1)
        #expect(found.first?.contains("more than 100000 values, those that aliases stand for included") == true)
    }

    @Test(arguments: [
        "? *z\n: 1\n", "*z : 1\n", "[*z]: 1\n", "{a: {[*z, *z] : 1}}\n", "- ? *z\n", "{? *z : 1}\n", "[? *z : 1]\n",
        "{?*z : 1}\n", "{?[*z]}\n", "[?[*z]]\n", "{a: 1,?[*z]}\n", "{\n  ?[*z]}\n", "a: 1\u{2028}? *z\n",
        "{\"a\":{[*z] :1}}\n",
        "--- ? *z\n",
    ])
    func `a key that stands for more is refused before the library compares it`(key: String) {
        // Forty doublings: comparing such a key would take longer than anyone waits.
        let bomb = "a: &a [x, x]\nz: &z [*a, *a]\n" + (0..<40).map { _ in "z: &z [*z, *z]\n" }.joined()
        let found = ErrorTests.problems("- " + bomb.split(separator: "\n").joined(separator: "\n- ") + "\n- \(key)")
        #expect(found.count == 1)
        #expect(found.first?.contains("key must") == true, "\(found)")
    }

    @Test(arguments: [
        "why? because", "https://x{?page}", "x[?&]x", "café ? oui", "2*a: 4", "x*y*z", "**/*.json", "a]: b", "?", "*",
        "{a}:",
    ])
    func `a text that looks a little like a key is none`(text: String) throws {
        #expect(try Self.value("'\(text)'") == .string(text))
        #expect(try ServeConfig.parse("# \(text)\napplications: [] # \(text)\n").config.applications.isEmpty)
        #expect(try Self.value("'[?&]x'") == "[?&]x")
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 100_000),
        String(repeating: "- ", count: 100_000),
        "applications: " + String(repeating: "[", count: 70) + String(repeating: "]", count: 70),
    ])
    func `deep nesting is refused`(text: String) {
        let found = ErrorTests.problems(text)
        #expect(found.count == 1)
        #expect(found.first?.contains("nest") == true || found.first?.contains("deep") == true, "\(found)")
    }

    @Test func `a large text is refused before it is read`() {
        #expect(
            ErrorTests.problems("applications: []", limits: ConfigLimits(maxBytes: 15)) == [
                "serve.yaml:1:1: the text has more than 15 bytes"
            ]
        )
    }

    @Test(arguments: [
        (
            "a: [1",
            "serve.yaml:2:1: not YAML: while parsing a flow sequence from line 1: did not find expected ',' or ']'"
        ),
        ("", "serve.yaml:1:1: the text is empty"),
        ("a: 1\nb: 2\na: 3\n", "serve.yaml:1:1: 'a' is given twice"),
        ("a: *b", "serve.yaml:1:4: not YAML: found undefined alias"),
        (
            "a: 1\n---\nb: 2\n",
            "serve.yaml:2:1: not YAML: expected a single document in the stream from line 1: but found another document"
        ),
        ("a: !python/object x", "serve.yaml:1:4: the tag '!python/object' is not known; leave it out"),
        ("<<: 3", "serve.yaml:1:5: '<<' needs a mapping, or a list of them"),
        ("- 1", "serve.yaml:1:1: the configuration is a list; it must be a mapping"),
    ])
    func `what is not YAML says where`(text: String, message: String) {
        #expect(ErrorTests.problems(text) == [message])
    }

    @Test(arguments: [
        (#"{"a": 1,}"#, "1:9: not JSON: a name in double quotes is expected here"),
        (#"{"a": 01}"#, "1:8: not JSON: a number must not begin with 0"),
        (#"{"a": 1e}"#, "1:9: not JSON: a digit is expected here"),
        (#"{"a": nul}"#, "1:10: not JSON: a value is expected here; a text needs double quotes"),
        (#"{"a": 1e999}"#, "1:12: not JSON: the number 1e999 is too large"),
        ("{\"é\": \"\n\"}", "1:8: not JSON: a text must not contain a control character; write \\n or \\u000a"),
        (#"{"a": "\ud800x"}"#, "1:14: not JSON: half of a surrogate pair is no character"),
        (#"{"a": 1, "a": 2}"#, "1:10: 'a' is given twice"),
        ("{\n  \"a\": 1\n} x", "3:3: not JSON: there is something behind the value"),
        ("", "1:1: not JSON: the text ends where a value is expected"),
        (#"{"a""#, "1:5: not JSON: ':' is expected behind a name"),
    ])
    func `what is not JSON says where`(text: String, message: String) {
        #expect(ErrorTests.problems(text, file: "c.json") == ["c.json:\(message)"])
    }

    @Test func `JSON has the same limits`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(ErrorTests.problems(deep, file: "c.json") == ["c.json:1:66: the text is nested more than 64 deep"])
        #expect(
            ErrorTests.problems("[1,2,3]", file: "c.json", limits: ConfigLimits(maxValues: 3)) == [
                "c.json:1:6: the text has more than 3 values"
            ]
        )
    }

    @Test func `JSON and YAML give the same configuration`() throws {
        let json =
            #"{"applications": [{"import_path": "a:b", "args": {"s": "\ud83d\ude00\/\n", "x": [1, -2.5, null, true]}}]}"#
        let yaml = "applications:\n- import_path: a:b\n  args:\n    s: \"😀/\\n\"\n    x: [1, -2.5, null, true]\n"
        let (left, right) = (try ServeConfig.parse(json, file: "c.json"), try ServeConfig.parse(yaml))
        #expect(left == right)
        #expect(left.config.applications[0].args?["x"] == [1, -2.5, nil, true])
    }

    @Test func `a JSON value is written and read again`() throws {
        let value: JSONValue = ["a\"\\\n\u{7F}": [1, 2.5, 1e300, "é😀", nil, false, [:], []]]
        #expect(try JSONValue(parsing: value.json) == value)
        #expect(try JSONValue(parsing: value.prettyJSON) == value)
        #expect(value.json == #"{"a\"\\\n\u007f":[1,2.5,1e+300,"é😀",null,false,{},[]]}"#)
    }
}
