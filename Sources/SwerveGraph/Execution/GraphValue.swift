internal import SwerveActors

/// A node's value during a request.
enum GraphValue: Sendable {
    case value(any Codable & Sendable)
    /// As it came from a replica in another process; decoded only where somebody looks at it.
    case encoded(EncodedValue)
    /// A large one that another process keeps; only of nodes that are passed on and not looked at.
    case kept(KeptResult)

    /// Adds the value to the arguments of a call.
    consuming func append(to arguments: Arguments) {
        switch consume self {
        case .value(let value): arguments.append(value)
        case .encoded(let value): arguments.append(encoded: value)
        case .kept(let result): arguments.append(kept: result)
        }
    }

    /// As the result of a method: one that came encoded leaves encoded.
    var returned: any Codable & Sendable {
        switch self {
        case .value(let value): value
        case .encoded(let value): value
        case .kept: preconditionFailure("the result of a graph is not kept elsewhere")
        }
    }

    func decoded(as type: any AnyGraphType.Type) throws -> any Codable & Sendable {
        switch self {
        case .value(let value): value
        case .encoded(let value): try type.decode(value)
        case .kept: preconditionFailure("a value that is looked at is not kept elsewhere")
        }
    }
}
