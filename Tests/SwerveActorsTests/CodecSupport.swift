import NIOCore
import SwerveActors
import SwerveCore

func encode(_ value: some Encodable) throws -> ByteBuffer {
    let writer = BinaryWriter()
    try writer.region(value)
    return writer.buffer
}

func decode<T: Decodable>(_ type: T.Type, _ bytes: ByteBuffer) throws -> T {
    try BinaryReader(bytes, system: .detached).nextRegion(type)
}

func roundTrip<T: Codable>(_ value: T) throws -> T {
    try decode(T.self, encode(value))
}

/// One of each kind of thing that a value may be made of.
struct Everything: Codable, Equatable {
    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Double)
        case text(String, [Int: String]?)
        indirect case both(Shape, Shape)
    }
    enum Colour: String, Codable { case red, green }

    var integers: [Int8] = [.min, 0, .max]
    var numbers: [Double] = [0, -0.0, .infinity, .leastNonzeroMagnitude]
    var small: UInt16 = 65535
    var bool = true
    var text = "grüße 🌍"
    var nothing: Int?
    var something: Int? = 4
    var shapes: [Shape] = [
        .point, .circle(radius: 2), .text("a", [1: "x", 2: "y"]), .both(.point, .both(.circle(radius: 1), .point)),
    ]
    var byName: [String: [Float]] = ["a": [1.5], "": []]
    var byColour: [Colour: Bool] = [.red: true, .green: false]
    var unique: Set<String> = ["p", "q"]
    var holes: [String?] = ["x", nil, "z"]
    var raw = ByteBuffer(bytes: [0, 255, 7])
    var range = 3..<9
    var nested: [[[UInt8]]] = [[[1, 2], []], []]
}

/// Writes and reads itself with nested containers instead of nested values.
struct Manual: Codable, Equatable {
    var a = 1
    var list = [10, 20]
    var inner = "deep"

    enum Keys: String, CodingKey { case a, list, outer, inner, gone }

    init() {}
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encodeNil(forKey: .gone)
        var outer = container.nestedContainer(keyedBy: Keys.self, forKey: .outer)
        var inner = outer.nestedContainer(keyedBy: Keys.self, forKey: .inner)
        try inner.encode(self.inner, forKey: .inner)
        var values = outer.nestedUnkeyedContainer(forKey: .list)
        for value in list { try values.encode(value) }
        try values.encodeNil()
        var innermost = values.nestedUnkeyedContainer()
        try innermost.encode("end")
        try container.encode(a, forKey: .a)
    }
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        guard try container.decodeNil(forKey: .gone), container.allKeys == [.gone, .outer, .a] else {
            throw ServeError(.invalidArgument, "keys \(container.allKeys)")
        }
        a = try container.decode(Int.self, forKey: .a)
        let outer = try container.nestedContainer(keyedBy: Keys.self, forKey: .outer)
        inner = try outer.nestedContainer(keyedBy: Keys.self, forKey: .inner).decode(String.self, forKey: .inner)
        var values = try outer.nestedUnkeyedContainer(forKey: .list)
        list = []
        while try !values.decodeNil() { list.append(try values.decode(Int.self)) }
        var innermost = try values.nestedUnkeyedContainer()
        guard try innermost.decode(String.self) == "end", innermost.isAtEnd, values.isAtEnd else {
            throw ServeError(.invalidArgument, "more than was written")
        }
    }
}

class Animal: Codable {
    var name: String
    init(name: String) {
        self.name = name
    }
}

final class Dog: Animal {
    var tricks: [String]
    init(name: String, tricks: [String]) {
        self.tricks = tricks
        super.init(name: name)
    }
    private enum Keys: String, CodingKey { case tricks }
    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        tricks = try container.decode([String].self, forKey: .tricks)
        try super.init(from: container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try super.encode(to: container.superEncoder())
        try container.encode(tricks, forKey: .tricks)
    }
}

/// An optional by way of a super encoder's single value.
struct SuperOptional: Codable, Equatable {
    var value: Int?
    var list: [Int?]

    enum Keys: String, CodingKey { case value, list }

    init(_ value: Int?, _ list: [Int?]) {
        self.value = value
        self.list = list
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        var single = container.superEncoder(forKey: .value).singleValueContainer()
        try single.encode(value)
        var unkeyed = container.nestedUnkeyedContainer(forKey: .list)
        for element in list {
            var single = unkeyed.superEncoder().singleValueContainer()
            if let element { try single.encode(element) } else { try single.encodeNil() }
        }
    }
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        value = try container.superDecoder(forKey: .value).singleValueContainer().decode(Int?.self)
        var unkeyed = try container.nestedUnkeyedContainer(forKey: .list)
        list = []
        while !unkeyed.isAtEnd {
            let single = try unkeyed.superDecoder().singleValueContainer()
            list.append(single.decodeNil() ? nil : try single.decode(Int.self))
        }
    }
}

struct Nest: Codable, Equatable {
    var children: [Nest]

    /// `depth` values inside each other.
    static func chain(_ depth: Int) -> Nest {
        var nest = Nest(children: [])
        for _ in 1..<depth { nest = Nest(children: [nest]) }
        return nest
    }
}
