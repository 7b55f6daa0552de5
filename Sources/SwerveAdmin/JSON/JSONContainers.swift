internal import SwerveCore

/// Fields of an object.
struct FieldEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ValueEncoder
    let fields: ValueEncoder.Fields
    let codingPath: [any CodingKey] = []

    private func slot(_ key: Key) -> ValueEncoder {
        let slot = ValueEncoder(encoder.moment)
        fields.values[snakeCase(key.stringValue)] = slot
        return slot
    }

    mutating func encodeNil(forKey key: Key) { slot(key).set(.null) }
    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        slot(key).set(try encoder.encode(value))
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { slot(key).container(keyedBy: type) }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        slot(key).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder {
        let slot = ValueEncoder(encoder.moment)
        fields.values["super"] = slot
        return slot
    }
    mutating func superEncoder(forKey key: Key) -> any Encoder { slot(key) }
}

/// Elements of an array.
struct ListEncoder: UnkeyedEncodingContainer {
    let encoder: ValueEncoder
    let list: ValueEncoder.List
    let codingPath: [any CodingKey] = []
    var count: Int { list.values.count }

    private func slot() -> ValueEncoder {
        let slot = ValueEncoder(encoder.moment)
        list.values.append(slot)
        return slot
    }

    mutating func encodeNil() { slot().set(.null) }
    mutating func encode<Value: Encodable>(_ value: Value) throws { slot().set(try encoder.encode(value)) }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        slot().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { slot().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { slot() }
}

/// A value that is neither.
struct SingleEncoder: SingleValueEncodingContainer {
    let encoder: ValueEncoder
    let codingPath: [any CodingKey] = []

    mutating func encodeNil() { encoder.set(.null) }
    mutating func encode(_ value: Bool) { encoder.set(.bool(value)) }
    mutating func encode(_ value: String) { encoder.set(.string(value)) }
    mutating func encode(_ value: Double) { encoder.set(.number(value)) }
    mutating func encode(_ value: Float) { encoder.set(.number(Double(value))) }
    mutating func encode(_ value: Int) { encoder.set(.integer(value)) }
    mutating func encode(_ value: Int8) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: Int16) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: Int32) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: Int64) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: UInt) { encode(UInt64(value)) }
    mutating func encode(_ value: UInt8) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: UInt16) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: UInt32) { encoder.set(.integer(Int(value))) }
    mutating func encode(_ value: UInt64) {
        encoder.set(Int(exactly: value).map { .integer($0) } ?? .number(Double(value)))
    }
    mutating func encode<Value: Encodable>(_ value: Value) throws { encoder.set(try encoder.encode(value)) }
}
