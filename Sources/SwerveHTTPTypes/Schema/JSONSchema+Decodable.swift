#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

extension JSONSchema {
    /// The schema of what a type decodes from JSON, found by decoding the type from made-up values and noting what it
    /// asks for.
    ///
    /// Use it for types that are decoded from what clients send: they must cope with any value. The schema is ``any``
    /// where this finds nothing out, as for types that look at the values they get, such as enumerations with payloads.
    /// A type that asks for fewer keys for some values shows only those that it asked for; a type that refuses a value
    /// shows the keys until then.
    public init(decoding type: any Decodable.Type) {
        func probe<T: Decodable>(_ type: T.Type) -> JSONSchema { Probe().made(type, depth: 0).schema }
        self = probe(type)
    }

    /// The schema of a type that is plain, provides its schema or is a container of such types; ``any`` for others.
    ///
    /// Use it for types that are not decoded from what clients send: it does not decode them.
    public init(describing type: any Any.Type) {
        self = Self.described(type) ?? .any
    }

    private static func described(_ type: any Any.Type) -> JSONSchema? {
        if let type = type as? any JSONSchemaProviding.Type { return type.jsonSchema }
        if let plain = Probe.plain(type) { return plain.schema }
        if let type = type as? any ListLike.Type { return .array(described(type.elementType) ?? .any) }
        if let type = type as? any TextKeyed.Type { return .map(described(type.elementType) ?? .any) }
        if let type = type as? any OptionalLike.Type { return described(type.wrappedType) }
        return nil
    }
}

/// Dictionaries that JSON writes as objects with arbitrary keys.
private protocol TextKeyed {
    static var elementType: any Any.Type { get }
    init()
}
extension Dictionary: TextKeyed where Key == String {
    fileprivate static var elementType: any Any.Type { Value.self }
}

private protocol ListLike {
    static var elementType: any Any.Type { get }
}
extension Array: ListLike {
    fileprivate static var elementType: any Any.Type { Element.self }
}

private protocol OptionalLike {
    static var wrappedType: any Any.Type { get }
}
extension Optional: OptionalLike {
    fileprivate static var wrappedType: any Any.Type { Wrapped.self }
}

/// Decodes made-up values.
private final class Probe {
    struct Unknown: Error {}

    /// Types may contain themselves: deeper than this, the schema is `any`. ``budget`` limits how often a type may ask
    /// in total.
    static let maximumDepth = 6
    private var budget = 10_000

    /// Takes one from the budget, and returns whether any is left.
    func spend() -> Bool {
        budget -= 1
        return budget > 0
    }

    /// A value of a type, if it accepted the made-up ones, and the type's schema.
    func made<T: Decodable>(_ type: T.Type, depth: Int) -> (value: T?, schema: JSONSchema) {
        let own = (type as? any JSONSchemaProviding.Type)?.jsonSchema
        guard depth < Self.maximumDepth, spend() else { return (nil, own ?? .any) }
        if let (value, schema) = Self.plain(type) { return (value as? T, own ?? schema) }
        if let type = type as? any TextKeyed.Type {
            return (type.init() as? T, own ?? .map(schema(of: type.elementType, depth: depth + 1)))
        }
        let note = Note(probe: self, depth: depth)
        let value = try? T(from: ProbeDecoder(note: note))
        // The type failed before it asked for a key: it needs to know which keys there are.
        if value == nil, note.schema == .object([:], required: []) { note.schema = nil }
        return (value, own ?? note.schema ?? .any)
    }

    private func schema(of type: any Any.Type, depth: Int) -> JSONSchema {
        func probe<T: Decodable>(_ type: T.Type) -> JSONSchema { made(type, depth: depth).schema }
        guard let type = type as? any Decodable.Type else { return .any }
        return probe(type)
    }

    /// Types that need no decoder.
    static func plain(_ type: any Any.Type) -> (value: any Any, schema: JSONSchema)? {
        func zero<Number: Numeric>(_: Number.Type) -> any Any { Number.zero }
        func first<Value: RawRepresentable & CaseIterable>(_: Value.Type) -> (any Any, JSONSchema)? {
            guard let value = Value.allCases.first else { return nil }
            if Value.RawValue.self == String.self {
                return (value, .choice(Value.allCases.compactMap { $0.rawValue as? String }))
            }
            return (value, Value.RawValue.self is any BinaryInteger.Type ? .integer : .any)
        }
        if type == Bool.self { return (false, .boolean) }
        if type == String.self { return ("", .string) }
        if let type = type as? any BinaryInteger.Type { return (zero(type), .integer) }
        if let type = type as? any BinaryFloatingPoint.Type { return (zero(type), .number) }
        if let type = type as? any (RawRepresentable & CaseIterable).Type { return first(type) }
        // As `JSONDecoder` reads them.
        if type == Data.self { return (Data(), .string) }
        if type == Date.self { return (Date(timeIntervalSinceReferenceDate: 0), .number) }
        if type == UUID.self { return (UUID(), .string) }
        if type == URL.self { return URL(string: "http://localhost/").map { ($0, .string) } }
        if type == Decimal.self { return (Decimal(0), .number) }
        return nil
    }

    final class Note {
        let probe: Probe
        let depth: Int
        var schema: JSONSchema?
        /// The keys that the type looked for before it asked for their values.
        var optional: Set<String> = []

        init(probe: Probe, depth: Int) {
            self.probe = probe
            self.depth = depth
        }

        func next<T: Decodable>(_ type: T.Type) -> (value: T?, schema: JSONSchema) {
            probe.made(type, depth: depth + 1)
        }

        func add(_ key: String, _ schema: JSONSchema) {
            var (properties, required): ([String: JSONSchema], [String]) = ([:], [])
            if case .object(let known, let needed)? = self.schema { (properties, required) = (known, needed) }
            if properties.updateValue(schema, forKey: key) == nil, !optional.contains(key) { required.append(key) }
            self.schema = .object(properties, required: required)
        }

        /// Fails a request for a value that cannot be made up.
        func unknown() throws -> Never {
            _ = probe.spend()
            throw Unknown()
        }
    }
}

private struct ProbeDecoder: Decoder {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        if note.schema == nil { note.schema = .object([:], required: []) }
        return KeyedDecodingContainer(ProbeFields<Key>(note: note))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        note.schema = .array(.any)
        return ProbeElements(note: note)
    }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { ProbeValue(note: note) }
}

private struct ProbeFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }
    func contains(_ key: Key) -> Bool {
        note.optional.insert(key.stringValue)
        return note.probe.spend()
    }
    func decodeNil(forKey key: Key) throws -> Bool {
        note.optional.insert(key.stringValue)
        return false
    }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let (value, schema) = note.next(type)
        note.add(key.stringValue, schema)
        guard let value else { try note.unknown() }
        return value
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        note.optional.insert(key.stringValue)
        note.add(key.stringValue, note.next(type).schema)
        return nil
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { try unknown(key) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try unknown(key) }
    func superDecoder() throws -> any Decoder { try note.unknown() }
    func superDecoder(forKey key: Key) throws -> any Decoder { try unknown(key) }

    private func unknown(_ key: Key) throws -> Never {
        note.add(key.stringValue, .any)
        try note.unknown()
    }
}

/// An array of one element, or of none close to ``Probe/maximumDepth``.
private struct ProbeElements: UnkeyedDecodingContainer {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    // Advances even if an element fails, so that a loop over all of them ends.
    var currentIndex = 0
    var count: Int? { isAtEnd ? 0 : 1 }
    var isAtEnd: Bool { currentIndex > 0 || note.depth + 2 >= Probe.maximumDepth }
    mutating func decodeNil() throws -> Bool { false }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let isFirst = currentIndex == 0
        currentIndex += 1
        let (value, schema) = note.next(type)
        note.schema = .array(isFirst ? schema : .any)
        guard let value else { try note.unknown() }
        return value
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    { try unknown() }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try unknown() }
    mutating func superDecoder() throws -> any Decoder { try unknown() }

    private mutating func unknown() throws -> Never {
        currentIndex += 1
        note.schema = .array(.any)
        try note.unknown()
    }
}

private struct ProbeValue: SingleValueDecodingContainer {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { false }
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (value, schema) = note.next(type)
        note.schema = schema
        guard let value else { try note.unknown() }
        return value
    }
}
