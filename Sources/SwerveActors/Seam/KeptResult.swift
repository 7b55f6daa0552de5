/// A large result that stays in the process of the replica that made it, until whoever needs it has fetched it from
/// there.
///
/// Goes when the last reference to it does.
@usableFromInline
package final class KeptResult: Sendable {
    /// The socket of the process that keeps it.
    package let address: String
    package let number: UInt64
    package let byteCount: Int
    private let fetchHere: @Sendable () async throws -> EncodedValue
    private let release: @Sendable () -> Void

    /// - Parameters:
    ///   - fetch: brings the result to this process.
    ///   - release: tells the process that keeps it that nobody needs it any more.
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

    /// Brings the result here.
    ///
    /// - Throws: ``ServeError`` with code `replicaLost` when the process that kept it is gone.
    package func fetch() async throws -> EncodedValue {
        try await fetchHere()
    }
}
