package import SwerveCore

/// How the admin server writes statuses and the like as JSON.
///
/// Names are in snake case, as in Ray's API on the same server; the names of applications, deployments and the like stay
/// as they are. Durations are seconds, points in time ISO 8601, names of replicas and deployments their texts, and so
/// are options with named values. What is absent is left out.
package struct AdminJSON: Sendable {
    /// One moment on two clocks, in nanoseconds, by which times on the first become times of day.
    package struct Moment: Hashable, Sendable {
        package var monotonic: MonotonicTime
        /// Since 1970.
        package var wall: Int64

        package init(monotonic: MonotonicTime, wall: Int64) {
            self.monotonic = monotonic
            self.wall = wall
        }

        func text(_ time: MonotonicTime) -> String { ISOTime.text(nanoseconds: nanoseconds(time)) }

        /// Since 1970.
        func nanoseconds(_ time: MonotonicTime) -> Int64 {
            let (wall, isTooFar) = wall.addingReportingOverflow(time.nanoseconds &- monotonic.nanoseconds)
            return isTooFar ? 0 : wall
        }
    }

    private let moment: Moment

    package init(at moment: Moment) {
        self.moment = moment
    }

    /// A point in time in seconds since 1970.
    package func seconds(_ time: MonotonicTime) -> Double { Double(moment.nanoseconds(time)) / 1e9 }

    /// - Throws: what the value's `encode(to:)` throws.
    package func value(_ value: some Encodable) throws -> JSONValue { try ValueEncoder(moment).encode(value) }
}

/// Writes itself as its text.
protocol WrittenAsText: CustomStringConvertible {}
extension DeploymentID: WrittenAsText {}
extension ReplicaID: WrittenAsText {}
extension DeploymentOptions.Placement: WrittenAsText {}
extension DeploymentOptions.Execution: WrittenAsText {}
extension DeploymentOptions.PlacementStrategy: WrittenAsText {}
extension DeploymentOptions.Routing: WrittenAsText {}
extension DeploymentOptions.Admission: WrittenAsText {}
extension DeploymentOptions.Rollout: WrittenAsText {}
extension DeploymentOptions.Compression: WrittenAsText {}
extension DeploymentOptions.RequestDecoding: WrittenAsText {}
extension Autoscaling.Aggregation: WrittenAsText {}
extension Autoscaling.Policy: WrittenAsText {}

/// A dictionary whose keys are names, which stay as they are.
protocol NamedValues {
    func encoded(by encoder: ValueEncoder) throws -> JSONValue
}
extension Dictionary: NamedValues where Key == String, Value: Encodable {
    func encoded(by encoder: ValueEncoder) throws -> JSONValue {
        .object(try mapValues { try encoder.encode($0) })
    }
}

/// Encodes one value.
final class ValueEncoder: Encoder {
    let moment: AdminJSON.Moment
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private enum Content {
        case nothing
        case value(JSONValue)
        case list(List)
        case fields(Fields)
    }
    private var content = Content.nothing

    /// What containers fill.
    final class List { var values: [ValueEncoder] = [] }
    final class Fields { var values: [String: ValueEncoder] = [:] }

    init(_ moment: AdminJSON.Moment) {
        self.moment = moment
    }

    func encode<Value: Encodable>(_ value: Value) throws -> JSONValue {
        switch value {
        case let value as Duration: return .number(value.seconds)
        case let value as MonotonicTime: return .string(moment.text(value))
        case let value as Resources.Amount: return .number(value.value)
        case let value as any WrittenAsText: return .string(value.description)
        case let value as any NamedValues: return try value.encoded(by: self)
        default:
            let encoder = ValueEncoder(moment)
            try value.encode(to: encoder)
            return encoder.value
        }
    }

    private var value: JSONValue {
        switch content {
        case .nothing: .object([:])
        case .value(let value): value
        case .list(let list): .array(list.values.map(\.value))
        case .fields(let fields): .object(fields.values.mapValues(\.value))
        }
    }

    func set(_ value: JSONValue) { content = .value(value) }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let fields: Fields
        if case .fields(let present) = content { fields = present } else { fields = Fields() }
        content = .fields(fields)
        return KeyedEncodingContainer(FieldEncoder(encoder: self, fields: fields))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let list: List
        if case .list(let present) = content { list = present } else { list = List() }
        content = .list(list)
        return ListEncoder(encoder: self, list: list)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleEncoder(encoder: self) }
}

/// A name in snake case: `processID` becomes `process_id`.
func snakeCase(_ name: String) -> String {
    let letters = Array(name)
    var text = ""
    for (index, letter) in letters.enumerated() {
        let begins =
            letter.isUppercase && index > 0
            && (!letters[index - 1].isUppercase || (index + 1 < letters.count && letters[index + 1].isLowercase))
        text += (begins ? "_" : "") + letter.lowercased()
    }
    return text
}
