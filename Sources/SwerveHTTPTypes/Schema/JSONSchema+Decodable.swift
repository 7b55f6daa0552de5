extension JSONSchema {
    /// The schema of what a type decodes: the type is decoded from made-up values, and what it asks for is noted.
    ///
    /// What cannot be found out in this way is ``any``: types that look at the values they are given, such as enumerations
    /// with payloads. A type that asks for fewer keys than it has for some values shows those that it asked for.
    public init(decoding type: any Decodable.Type) {
        func probe<T: Decodable>(_ type: T.Type) -> JSONSchema { (try? Probe().made(type, depth: 0))?.schema ?? .any }
        self = (type as? any JSONSchemaProviding.Type)?.jsonSchema ?? probe(type)
    }
}

/// Dictionaries that JSON writes as objects with free keys.
private protocol TextKeyed {
    static var elementType: any Decodable.Type { get }
    init()
}
extension Dictionary: TextKeyed where Key == String, Value: Decodable {
    fileprivate static var elementType: any Decodable.Type { Value.self }
}

/// Decodes made-up values.
private final class Probe {
    struct Unknown: Error {}

    /// Types may contain themselves: below this depth anything goes, and so much is looked at in all.
    static let maximumDepth = 6
    private var budget = 10_000

    /// A value of a type and the type's schema.
    func made<T: Decodable>(_ type: T.Type, depth: Int) throws -> (value: T, schema: JSONSchema) {
        budget -= 1
        guard depth < Self.maximumDepth, budget > 0 else { throw Unknown() }
        if let (value, schema) = plain(type, depth), let value = value as? T { return (value, schema) }
        let note = Note(probe: self, depth: depth)
        let value = try T(from: ProbeDecoder(note: note))
        let own = (type as? any JSONSchemaProviding.Type)?.jsonSchema
        return (value, own ?? note.schema ?? .any)
    }

    /// Types that need no decoder.
    private func plain(_ type: any Any.Type, _ depth: Int) -> (any Any, JSONSchema)? {
        func zero<Number: Numeric>(_: Number.Type) -> any Any { Number.zero }
        func first<Value: RawRepresentable & CaseIterable>(_: Value.Type) -> (any Any, JSONSchema)? {
            guard let value = Value.allCases.first else { return nil }
            if Value.RawValue.self == String.self {
                return (value, .choice(Value.allCases.compactMap { $0.rawValue as? String }))
            }
            return (value, Value.RawValue.self is any BinaryInteger.Type ? .integer : .any)
        }
        func schema<Value: Decodable>(_ type: Value.Type) -> JSONSchema {
            (try? made(type, depth: depth + 1))?.schema ?? .any
        }
        if type == Bool.self { return (false, .boolean) }
        if type == String.self { return ("", .string) }
        if let type = type as? any BinaryInteger.Type { return (zero(type), .integer) }
        if let type = type as? any BinaryFloatingPoint.Type { return (zero(type), .number) }
        if let type = type as? any (RawRepresentable & CaseIterable).Type { return first(type) }
        if let type = type as? any TextKeyed.Type { return (type.init(), .map(schema(type.elementType))) }
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

        func next<T: Decodable>(_ type: T.Type) throws -> (value: T, schema: JSONSchema) {
            try probe.made(type, depth: depth + 1)
        }

        func add(_ key: String, _ schema: JSONSchema) {
            var (properties, required): ([String: JSONSchema], [String]) = ([:], [])
            if case .object(let known, let needed)? = self.schema { (properties, required) = (known, needed) }
            properties[key] = schema
            if !optional.contains(key) { required.append(key) }
            self.schema = .object(properties, required: required)
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
        return true
    }
    func decodeNil(forKey key: Key) throws -> Bool {
        note.optional.insert(key.stringValue)
        return false
    }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let (value, schema) = try note.next(type)
        note.add(key.stringValue, schema)
        return value
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        note.optional.insert(key.stringValue)
        note.add(key.stringValue, (try? note.next(type))?.schema ?? .any)
        return nil
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { throw Probe.Unknown() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw Probe.Unknown() }
    func superDecoder() throws -> any Decoder { throw Probe.Unknown() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw Probe.Unknown() }
}

/// An array of one element; of none where it is not known what that may be.
private struct ProbeElements: UnkeyedDecodingContainer {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    var currentIndex = 0
    var count: Int? { isAtEnd ? 0 : 1 }
    var isAtEnd: Bool { currentIndex > 0 || note.depth + 2 >= Probe.maximumDepth }
    mutating func decodeNil() throws -> Bool { false }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (value, schema) = try note.next(type)
        note.schema = .array(currentIndex == 0 ? schema : .any)
        currentIndex += 1
        return value
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
        -> KeyedDecodingContainer<Nested>
    { throw Probe.Unknown() }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Probe.Unknown() }
    mutating func superDecoder() throws -> any Decoder { throw Probe.Unknown() }
}

private struct ProbeValue: SingleValueDecodingContainer {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { false }
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (value, schema) = try note.next(type)
        note.schema = schema
        return value
    }
}
