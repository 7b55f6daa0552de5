internal import SwerveActors

/// A node's value during a request.
enum GraphValue: Sendable {
    case value(any Codable & Sendable)
    /// A value in the encoded form that arrived from another process; decoded only when the driver reads it.
    case encoded(EncodedValue)
    /// A large value that another process keeps; only for nodes whose values the driver passes on without reading them.
    case kept(KeptResult)

    /// Adds the value to the arguments of a call.
    consuming func append(to arguments: Arguments) {
        switch consume self {
        case .value(let value): arguments.append(value)
        case .encoded(let value): arguments.append(encoded: value)
        case .kept(let result): arguments.append(kept: result)
        }
    }

    /// The value as the result of a method. A value that arrived encoded also leaves encoded.
    var returned: any Codable & Sendable {
        switch self {
        case .value(let value): value
        case .encoded(let value): value
        case .kept: preconditionFailure("the result of a graph is never a kept result")
        }
    }

    func decoded(as type: any AnyGraphType.Type) throws -> any Codable & Sendable {
        switch self {
        case .value(let value): try (value as? UntypedStream).map { try type.typed($0) } ?? value
        case .encoded(let value): try type.decode(value)
        case .kept: preconditionFailure("a value that the driver reads is never a kept result")
        }
    }
}
