internal import Distributed
internal import SwerveCore

/// The result of a call whose result type the caller's code does not know.
package enum NamedResult: Sendable {
    /// From a replica in this process.
    case value(any Codable & Sendable)
    /// From a replica in another process.
    case encoded(EncodedValue)
    /// From a replica in another process, which still keeps it.
    case kept(KeptResult)

    @inline(never)
    fileprivate init(_ result: consuming CallResult, of method: String, _ system: ServeSystem) throws(ServeError) {
        switch consume result {
        case .value(let value): self = .value(value)
        case .encoded(let bytes): self = .encoded(EncodedValue(region: bytes, system: system))
        case .kept(let result): self = .kept(result)
        case .stream(let result):
            system.watchDeadline(of: result.stream.open)
            self = .value(result.stream)
        case .void: throw ServeError(.protocolViolation, "the method '\(method)' returned nothing")
        }
    }
}

extension ServeSystem {
    /// Calls a distributed method by its full name, such as `segment(_:)`, like a call through a handle.
    ///
    /// - Parameters:
    ///   - arguments: may hold ``EncodedValue``s, which are decoded where the method runs.
    ///   - mayKeep: whether a large result may stay where it is produced.
    /// - Throws: what the method throws; ``ServeError`` as for a call through a handle.
    package func call(
        _ id: ServeID,
        method: String,
        arguments: Arguments,
        mayKeep: Bool = false
    ) async throws -> NamedResult {
        try NamedResult(await call(id, method, arguments, mayKeep: mayKeep), of: method, self)
    }
}
