/// A large result that stays in the process of the replica that made it, until whoever needs it has fetched it from
/// there.
///
/// The result is released with the last reference to this object.
@usableFromInline
package final class KeptResult: Sendable {
    /// The socket of the process that keeps the result.
    package let address: String
    package let number: UInt64
    package let byteCount: Int
    private let fetchHere: @Sendable () async throws -> EncodedValue
    private let release: @Sendable () -> Void

    /// - Parameters:
    ///   - fetch: brings the result to this process.
    ///   - release: tells the process that keeps the result that it is no longer needed.
    package init(
        address: String,
        number: UInt64,
        byteCount: Int,
        fetch: @escaping @Sendable () async throws -> EncodedValue,
        release: @escaping @Sendable () -> Void
    ) {
        self.address = address
        self.number = number
        self.byteCount = byteCount
        self.fetchHere = fetch
        self.release = release
    }

    deinit {
        release()
    }

    /// Brings the result to this process.
    ///
    /// - Throws: ``ServeError`` with code `replicaLost` if the process that kept it is gone.
    package func fetch() async throws -> EncodedValue {
        try await fetchHere()
    }
}
