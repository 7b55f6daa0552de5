package import SwerveActors
internal import SwerveCore

/// The type of a node's value, in a form that another process can look up by name.
package protocol AnyGraphType: Sendable {
    static var value: any (Codable & Sendable).Type { get }
    static func decode(_ value: EncodedValue) throws -> any Codable & Sendable
    /// The stream, which came from another process, with the type of its elements.
    static func typed(_ stream: UntypedStream) throws -> any Codable & Sendable
    static func decode(from container: inout any UnkeyedDecodingContainer) throws -> any Codable & Sendable
}

package enum GraphType<Value: Codable & Sendable>: AnyGraphType {
    package static var value: any (Codable & Sendable).Type { Value.self }
    package static func decode(_ value: EncodedValue) throws -> any Codable & Sendable {
        try value.decode(as: Value.self)
    }
    package static func typed(_ stream: UntypedStream) throws -> any Codable & Sendable {
        try unwrap(stream, as: Value.self)
    }
    package static func decode(from container: inout any UnkeyedDecodingContainer) throws -> any Codable & Sendable {
        try container.decode(Value.self)
    }
}

/// Makes a value from the values of other nodes, without suspending. Other processes look conforming types up by name.
package protocol GraphMaker: Codable, Sendable {
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable
    /// How a picture of the graph labels it.
    var label: String { get }
    /// Why the maker cannot be sent to another process; `nil` when it can.
    var localOnly: String? { get }
}

extension GraphMaker {
    package var localOnly: String? { nil }
}

struct ArrayMaker<Element: Codable & Sendable>: GraphMaker {
    var label: String { "array" }
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        var array: [Element] = []
        array.reserveCapacity(parts.count)
        for part in parts { array.append(try unwrap(part)) }
        return array
    }
}

struct DictionaryMaker<Key: Hashable & Codable & Sendable, Element: Codable & Sendable>: GraphMaker {
    var keys: [Key]
    var label: String { "dictionary" }
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        var dictionary: [Key: Element] = [:]
        for (key, part) in zip(keys, parts) { dictionary[key] = try unwrap(part, as: Element.self) }
        return dictionary
    }
}

struct ElementMaker<Element: Codable & Sendable>: GraphMaker {
    var position: Int
    var label: String { "[\(position)]" }
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        let array: [Element] = try unwrap(parts[0])
        guard array.indices.contains(position) else {
            throw ServeError(.invalidArgument, "there is no element \(position): the array has \(array.count)")
        }
        return array[position]
    }
}

struct EntryMaker<Key: Hashable & Codable & Sendable, Element: Codable & Sendable>: GraphMaker {
    var key: Key
    var label: String { "[\(key)]" }
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        try unwrap(parts[0], as: [Key: Element].self)[key]
    }
}

struct OptionalMaker<Wrapped: Codable & Sendable>: GraphMaker {
    var label: String { "optional" }
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        Optional(try unwrap(parts[0], as: Wrapped.self))
    }
}

struct TupleMaker<each Element: Codable & Sendable>: GraphMaker {
    var label: String { "tuple" }
    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        var index = 0
        func next<Part>(_: Part.Type) throws -> Part {
            defer { index += 1 }
            return try unwrap(parts[index], as: Part.self)
        }
        return GraphTuple<repeat each Element>(repeat try next((each Element).self))
    }
}
