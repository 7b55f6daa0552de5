import Foundation
import SwerveHTTPTypes
import Testing

private enum Color: String, Codable, CaseIterable { case red, green }

private struct Inner: Codable {
    var ratio: Double
    var flags: [Bool]
}

private struct Outer: Codable {
    var id: Int
    var name: String?
    var color: Color
    var inner: Inner
    var others: [Inner]
    var scores: [String: Float]
}

private struct Tree: Codable {
    var children: [Tree]
}

/// Refuses the values that the schema probe makes up.
private struct Picky: Codable {
    var text: String
    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard text.count == 7 else { throw ServeHTTPError(.badRequest) }
        self.text = text
    }
}

private enum Payload: Codable {
    case one(Int), two(String)
}

@Suite struct SchemaTests {
    @Test func `a structure's schema has its fields and says which are required`() {
        let inner = JSONSchema.object(["ratio": .number, "flags": .array(.boolean)], required: ["flags", "ratio"])
        guard case .object(let properties, let required) = JSONSchema(decoding: Outer.self) else {
            Issue.record("no object")
            return
        }
        #expect(
            properties.mapValues(\.json)
                == [
                    "id": JSONSchema.integer, "name": .string, "color": .choice(["red", "green"]), "inner": inner,
                    "others": .array(inner), "scores": .map(.number),
                ].mapValues(\.json)
        )
        #expect(required.sorted() == ["color", "id", "inner", "others", "scores"])
    }

    @Test func `the schema of a type that contains itself is finite`() {
        #expect(JSONSchema(decoding: Tree.self).json.hasPrefix(#"{"properties":{"children":{"items":"#))
    }

    @Test func `a schema shows what could be found out, and any for the rest`() {
        #expect(JSONSchema(decoding: Picky.self) == .string)
        #expect(JSONSchema(decoding: Payload.self) == .any)
    }

    @Test func `plain values and arrays have plain schemas`() {
        #expect(JSONSchema(decoding: Int.self).json == #"{"type":"integer"}"#)
        #expect(
            JSONSchema(decoding: [String: [Int]].self).json
                == #"{"additionalProperties":{"items":{"type":"integer"},"type":"array"},"type":"object"}"#
        )
        #expect(JSONSchema(decoding: Double?.self) == .number)
    }

    @Test func `a field that is refused does not hide those before it`() {
        struct Whole: Codable {
            var id: Int
            var picky: Picky
            var last: Int
        }
        #expect(
            JSONSchema(decoding: Whole.self) == .object(["id": .integer, "picky": .string], required: ["id", "picky"])
        )
    }

    @Test func `the probe ends for types that decode in loops`() {
        struct Lossy: Codable {
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                while !container.isAtEnd {
                    if (try? container.decode(Picky.self)) == nil { _ = try? container.superDecoder() }
                }
            }
            func encode(to encoder: any Encoder) throws {}
        }
        struct Numbered: Codable {
            struct Key: CodingKey {
                var stringValue: String
                var intValue: Int? { nil }
                init(stringValue: String) { self.stringValue = stringValue }
                init?(intValue: Int) { nil }
            }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                var index = 0
                while container.contains(Key(stringValue: "\(index)")) { index += 1 }
            }
            func encode(to encoder: any Encoder) throws {}
        }
        #expect(JSONSchema(decoding: Lossy.self) == .array(.any))
        #expect(JSONSchema(decoding: Numbered.self) == .object([:], required: []))
    }

    @Test func `Foundation types have the schemas of their JSON`() {
        #expect(JSONSchema(decoding: Data.self) == .string)
        #expect(JSONSchema(decoding: [URL].self) == .array(.string))
        #expect(JSONSchema(decoding: Decimal.self) == .number)
    }

    @Test func `types that clients do not send are described without running them`() {
        struct Trap: Codable {
            init(from decoder: any Decoder) throws { fatalError("it was run") }
            func encode(to encoder: any Encoder) throws {}
        }
        #expect(JSONSchema(describing: Trap.self) == .any)
        #expect(JSONSchema(describing: [Trap]?.self) == .array(.any))
        #expect(JSONSchema(describing: [String: [Int]].self) == .map(.array(.integer)))
        #expect(JSONSchema(describing: Color.self) == .choice(["red", "green"]))
    }

    @Test func `strings are quoted as JSON`() {
        #expect(JSONSchema.choice(["a\"b\\c\n"]).json == #"{"enum":["a\"b\\c\u000a"],"type":"string"}"#)
    }
}
