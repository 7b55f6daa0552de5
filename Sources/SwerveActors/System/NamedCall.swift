internal import Distributed
internal import SwerveCore

/// What a call answered whose result has no type in the caller's code.
package enum NamedResult: Sendable {
    /// By a replica of this process.
    case value(any Codable & Sendable)
    /// By a replica of another process.
    case encoded(EncodedValue)
}

extension ServeSystem {
    /// Calls a distributed method by its full name, such as `segment(_:)`, as a call through a handle would be made.
    ///
    /// - Parameter values: may be ``EncodedValue``s, which are decoded where the method runs.
    /// - Throws: what the method throws; ``ServeError`` as for a call through a handle.
    package func call(
        _ id: ServeID,
        method: String,
        arguments values: [any Codable & Sendable]
    ) async throws -> NamedResult {
        let (route, options) = try Self.destination(of: id)
        var arguments = Arguments()
        for value in values { arguments.append(value) }
        let lease = if let lease = route.tryAcquire() { lease } else { try await route.acquire() }
        if case .local(let replica) = lease.target {
            defer { lease.release() }
            let handler = ResultHandler()
            try await replica.execute(method, arguments, handler)
            return .value(try handler.anyResult())
        }
        let call = OutgoingCall(target: method, arguments: arguments, options: options)
        return .encoded(EncodedValue(region: try await route.call(call, startingWith: lease)))
    }
}
