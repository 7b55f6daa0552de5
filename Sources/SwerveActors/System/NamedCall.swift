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
        let (route, options) = try Self.destination(of: id)
        let lease = if let lease = route.tryAcquire() { lease } else { try await Self.wait(for: route) }
        if case .local(let replica) = lease.target {
            defer { lease.release() }
            let handler = ResultHandler()
            try await replica.execute(method, arguments, handler)
            return .value(try handler.anyResult())
        }
        let call = OutgoingCall(target: method, arguments: arguments, options: options, mayKeep: mayKeep)
        switch try await route.answer(to: call, startingWith: lease) {
        case .bytes(let bytes): return .encoded(EncodedValue(region: bytes))
        case .kept(let result): return .kept(result)
        }
    }
}
