import Foundation
import SwerveConfig
import SwerveCore
import Testing

/// What is made from the table of fields: the schema for editors and the tables of the documentation.
@Suite struct ReferenceTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs")
    private static let writes = ProcessInfo.processInfo.environment["SWERVE_WRITE_CONFIG_FILES"] != nil

    @Test func `the schema for editors is the one in docs`() throws {
        let file = Self.docs.appending(path: "serve-config.schema.json")
        if Self.writes { try ServeConfig.jsonSchema.write(to: file, atomically: true, encoding: .utf8) }
        #expect(try String(contentsOf: file, encoding: .utf8) == ServeConfig.jsonSchema, "run 'make config-docs'")
    }

    @Test func `the tables of the documentation are those of the fields`() throws {
        let file = Self.docs.appending(path: "CONFIG.md")
        let (start, end) = (
            "<!-- Written by `make config-docs` from the table of fields. -->\n", "<!-- The end of the tables. -->"
        )
        let text = try String(contentsOf: file, encoding: .utf8)
        let before = try #require(text.range(of: start))
        let after = try #require(text.range(of: end))
        let tables = "\n\(ServeConfig.reference)\n"
        if Self.writes {
            let written = text[..<before.upperBound] + tables + text[after.lowerBound...]
            try String(written).write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(text[before.upperBound..<after.lowerBound] == tables, "run 'make config-docs'")
        }
    }

    @Test func `the examples of the documentation are accepted`() throws {
        let text = try String(contentsOf: Self.docs.appending(path: "CONFIG.md"), encoding: .utf8)
        let examples = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        #expect(examples.count == 3)
        for example in examples { #expect(try ServeConfig.parse(example).warnings == []) }
    }

    @Test func `the errors of the documentation are those that its example gives with mistakes in it`() throws {
        let text = try String(contentsOf: Self.docs.appending(path: "CONFIG.md"), encoding: .utf8)
        let example = try #require(text.components(separatedBy: "```yaml\n").dropFirst().first)
            .components(separatedBy: "```")[0]
        let mistaken = example.replacingOccurrences(of: "requests: 8", with: "requests: \"8\"")
            .replacingOccurrences(of: "num_replicas", with: "num_replica")
        let misnamed = try ServeConfig.parse(example.replacingOccurrences(of: "Segmenter", with: "Segmentor"))
        var lines = ErrorTests.problems(mistaken)
        do {
            _ = try misnamed.config.applications[0].applied(
                to: application("Front", "Segmenter", named: "segmentation")
            )
        } catch {
            lines.append("\(error)")
        }
        #expect(lines.count == 3)
        #expect(text.contains("```\n" + lines.joined(separator: "\n") + "\n```\n"), "\(lines.joined(separator: "\n"))")
    }

    @Test func `the schema has the types, the ranges and the names of the fields`() throws {
        let schema = try JSONValue(parsing: ServeConfig.jsonSchema)
        #expect(schema["required"] == ["applications"])
        #expect(schema["additionalProperties"] == false)
        let application = schema["properties"]?["applications"]?["items"]
        let deployment = application?["properties"]?["deployments"]?["items"]?["properties"]
        #expect(
            deployment?["num_replicas"]?["anyOf"] == [
                ["type": "integer", "minimum": 0, "maximum": 10000], ["type": "string", "enum": ["auto"]],
                ["type": "null"],
            ]
        )
        #expect(deployment?["max_concurrent_queries"]?["deprecationMessage"] == "an old name of max_ongoing_requests")
        #expect(deployment?["graceful_shutdown_wait_loop_s"]?["deprecationMessage"] != nil)
        #expect(
            deployment?["routing"]?["enum"] == [
                "power_of_two_choices", "round_robin", "least_loaded", "consistent_hash", nil,
            ]
        )
    }
}
