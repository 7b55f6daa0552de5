/// Reads a flat `Codable` structure from the request's query: `?size=3&name=a&tag=x&tag=y`.
///
/// Fields are numbers, Booleans (`true`, `false`, `1`, `0`), strings, enumerations over these, optionals (`nil` if the
/// field is absent) and arrays (from repeated fields). Status 422 names a field that is missing or does not fit.
public struct QueryAdapter<Input: Codable & Sendable>: HTTPAdapter {
    public init(_ type: Input.Type = Input.self) {}

    public func input(from request: ServeRequest) throws -> Input {
        var values: [String: [String]] = [:]
        for (name, value) in request.queryItems { values[name, default: []].append(value) }
        do {
            return try Input(from: QueryDecoder(values: values))
        } catch let error as DecodingError {
            throw ServeRequest.describe(error, of: "the query")
        }
    }
}

private struct QueryDecoder: Decoder {
    let values: [String: [String]]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Fields<Key>(values: values))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw flat([]) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw flat([]) }
}

private func flat(_ path: [any CodingKey]) -> DecodingError {
    .dataCorrupted(.init(codingPath: path, debugDescription: "a query holds only plain and repeated values"))
}

private struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let values: [String: [String]]
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { values.keys.compactMap(Key.init(stringValue:)) }
    func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { !contains(key) }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        guard let texts = values[key.stringValue] else {
            throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "missing"))
        }
        return try T(from: FieldDecoder(texts: texts, codingPath: [key]))
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { throw flat([key]) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw flat([key]) }
    func superDecoder() throws -> any Decoder { throw flat([]) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw flat([key]) }
}

/// One field's values.
private struct FieldDecoder: Decoder, SingleValueDecodingContainer {
    let texts: [String]
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw flat(codingPath)
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { Repeated(texts: texts, codingPath: codingPath) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    private func text() throws -> String {
        guard texts.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "given \(texts.count) times, expected once")
            )
        }
        return texts[0]
    }

    private func parsed<T>(_ parse: (String) -> T?) throws -> T {
        guard let value = parse(try text()) else {
            throw DecodingError.typeMismatch(T.self, .init(codingPath: codingPath, debugDescription: ""))
        }
        return value
    }

    func decodeNil() -> Bool { false }
    func decode(_ type: String.Type) throws -> String { try text() }
    func decode(_ type: Bool.Type) throws -> Bool {
        try parsed { ["true": true, "1": true, "false": false, "0": false][$0.lowercased()] }
    }
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        func read<Number: LosslessStringConvertible>(_: Number.Type) throws -> T {
            guard let value = try parsed({ Number($0) }) as? T else { throw flat(codingPath) }
            return value
        }
        // The protocol's default methods pass integers and floating-point numbers on to this method.
        if let number = type as? any (LosslessStringConvertible & Numeric).Type { return try read(number) }
        return try T(from: self)
    }

    private struct Repeated: UnkeyedDecodingContainer {
        let texts: [String]
        let codingPath: [any CodingKey]
        var currentIndex = 0
        var count: Int? { texts.count }
        var isAtEnd: Bool { currentIndex >= texts.count }
        mutating func decodeNil() throws -> Bool { false }
        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            guard !isAtEnd else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: codingPath, debugDescription: "given \(texts.count) times, more are expected")
                )
            }
            let field = FieldDecoder(texts: [texts[currentIndex]], codingPath: codingPath)
            currentIndex += 1
            return try field.decode(type)
        }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
            -> KeyedDecodingContainer<Nested>
        { throw flat(codingPath) }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw flat(codingPath) }
        mutating func superDecoder() throws -> any Decoder { throw flat(codingPath) }
    }
}
