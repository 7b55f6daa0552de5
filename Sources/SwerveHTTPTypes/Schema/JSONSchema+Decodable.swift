extension JSONSchema {
    /// The schema of what a type decodes: the type is decoded from made-up values, and what it asks for is noted.
    ///
    /// What cannot be found out in this way is ``any``: types that look at the values they are given, such as enumerations
    /// with payloads. A type that asks for fewer keys than it has for some values shows those that it asked for.
    public init(decoding type: any Decodable.Type) {
        self = Probe.schema(of: type, depth: 0)
    }
}

/// Dictionaries that JSON writes as objects with free keys.
private protocol TextKeyed {
    static var elementType: any Decodable.Type { get }
}
extension Dictionary: TextKeyed where Key == String, Value: Decodable {
    fileprivate static var elementType: any Decodable.Type { Value.self }
}

/// Decodes made-up values.
private enum Probe {
    /// Types may contain themselves.
    static let maximumDepth = 8

    static func schema(of type: any Decodable.Type, depth: Int) -> JSONSchema {
        if let known = known(type) { return known }
        guard depth < maximumDepth else { return .any }
        let note = Note(depth: depth)
        do {
            _ = try type.init(from: ProbeDecoder(note: note))
        } catch {
            // It did not like a value; what it asked for until then does not tell the whole shape.
            return .any
        }
        return note.schema ?? .any
    }

    static func known(_ type: any Any.Type) -> JSONSchema? {
        if let type = type as? any JSONSchemaProviding.Type { return type.jsonSchema }
        if let type = type as? any TextKeyed.Type { return .map(schema(of: type.elementType, depth: 1)) }
        if type == Bool.self { return .boolean }
        if type is any BinaryInteger.Type { return .integer }
        if type is any BinaryFloatingPoint.Type { return .number }
        if let type = type as? any (RawRepresentable & CaseIterable).Type { return choice(type) }
        return nil
    }

    private static func choice<Value: RawRepresentable & CaseIterable>(_: Value.Type) -> JSONSchema? {
        if Value.RawValue.self == String.self { return .choice(Value.allCases.compactMap { $0.rawValue as? String }) }
        return known(Value.RawValue.self)
    }

    /// A value of a type, for who insists on one.
    static func sample<T: Decodable>(_ type: T.Type, depth: Int) throws -> T {
        func first<Value: CaseIterable>(_: Value.Type) -> T? { Value.allCases.first as? T }
        if let type = type as? any CaseIterable.Type, let value = first(type) { return value }
        if depth >= maximumDepth { throw Unknown() }
        return try T(from: ProbeDecoder(note: Note(depth: depth)))
    }

    struct Unknown: Error {}

    final class Note {
        let depth: Int
        var schema: JSONSchema?
        init(depth: Int) {
            self.depth = depth
        }
        func add(_ key: String, _ schema: JSONSchema, isRequired: Bool) {
            var (properties, required): ([String: JSONSchema], [String]) = ([:], [])
            if case .object(let known, let needed)? = self.schema { (properties, required) = (known, needed) }
            properties[key] = schema
            if isRequired { required.append(key) }
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
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { ProbeElements(note: note) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { ProbeValue(note: note) }
}

private struct ProbeFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }
    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        note.add(key.stringValue, Probe.schema(of: type, depth: note.depth + 1), isRequired: true)
        return try Probe.sample(type, depth: note.depth + 1)
    }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        note.add(key.stringValue, Probe.schema(of: type, depth: note.depth + 1), isRequired: false)
        return nil
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { throw Probe.Unknown() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw Probe.Unknown() }
    func superDecoder() throws -> any Decoder { throw Probe.Unknown() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw Probe.Unknown() }
}

/// An array of one element.
private struct ProbeElements: UnkeyedDecodingContainer {
    let note: Probe.Note
    var codingPath: [any CodingKey] { [] }
    var currentIndex = 0
    var count: Int? { 1 }
    var isAtEnd: Bool { currentIndex > 0 }
    mutating func decodeNil() throws -> Bool { false }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let element = Probe.schema(of: type, depth: note.depth + 1)
        if case .array(let known)? = note.schema, known != element {
            note.schema = .array(.any)
        } else {
            note.schema = .array(element)
        }
        currentIndex += 1
        return try Probe.sample(type, depth: note.depth + 1)
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
    func decode(_ type: Bool.Type) throws -> Bool { set(.boolean, false) }
    func decode(_ type: String.Type) throws -> String { set(.string, "") }
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        func zero<Number: Numeric>(_: Number.Type) -> T? { Number.zero as? T }
        if let known = Probe.known(type), let number = type as? any Numeric.Type, let value = zero(number) {
            return set(known, value)
        }
        note.schema = Probe.schema(of: type, depth: note.depth + 1)
        return try Probe.sample(type, depth: note.depth + 1)
    }
    private func set<T>(_ schema: JSONSchema, _ value: T) -> T {
        note.schema = schema
        return value
    }
}
