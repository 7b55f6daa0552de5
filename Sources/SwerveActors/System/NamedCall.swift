internal import Distributed
internal import SwerveCore

/// What a call answered whose result has no type in the caller's code.
package enum NamedResult: Sendable {
    /// By a replica of this process.
    case value(any Codable & Sendable)
    /// By a replica of another process.
    case encoded(EncodedValue)
    /// By a replica of another process, which still has it.
    case kept(KeptResult)
}

extension ServeSystem {
    /// Calls a distributed method by its full name, such as `segment(_:)`, as a call through a handle would be made.
    ///
    /// - Parameters:
    ///   - arguments: may hold ``EncodedValue``s, which are decoded where the method runs.
    ///   - mayKeep: whether a large result may stay where it is made.
    /// - Throws: what the method throws; ``ServeError`` as for a call through a handle.
    package func call(
        _ id: ServeID,
        method: String,
        arguments: Arguments,
        mayKeep: Bool = false
    ) async throws -> NamedResult {
        let (pool, options) = try Self.destination(of: id)
        let call = OutgoingCall(target: method, arguments: arguments, mayKeep: mayKeep)
        switch try await pool.call(call, options) {
        case .value(let value): return .value(value)
        case .encoded(let bytes): return .encoded(EncodedValue(region: bytes))
        case .kept(let result): return .kept(result)
        case .void: throw ServeError(.protocolViolation, "the method '\(method)' returned nothing")
        }
    }
}
