package import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// The large results that this process keeps for others, and its connections for fetching those that others keep.
///
/// A caller that only passes a result along asks for it to be kept (``CallFrame``). The replica that receives it
/// fetches it over a separate connection, so that large data neither passes through the caller nor delays requests. A
/// kept result is dropped when the caller releases it or the caller's connection ends.
package final class KeptResults: Sendable {
    /// The smallest result that is kept: 64 KiB. Smaller ones are sent at once.
    package static let minimumBytes = 64 << 10
    /// How many bytes one process keeps at most: 1 GiB. Results that do not fit are sent to the caller.
    package static let maximumBytes = 1 << 30

    private struct Entry {
        let region: ByteBuffer
        let owner: ObjectIdentifier
    }
    private struct State {
        var address: String?
        /// How this process connects to others, and how it introduces itself.
        var network: (any PeerNetwork, any EventLoop, Hello)?
        var entries: [UInt64: Entry] = [:]
        var bytes = 0
        var next: UInt64 = 1
        var whenEmpty: [@Sendable () -> Void] = []
        var links: [String: EventLoopFuture<PeerConnection>] = [:]
    }
    private let state = Mutex(State())

    /// - Parameter hello: how this process introduces itself when it fetches.
    package func configure(network: any PeerNetwork, loop: any EventLoop, hello: Hello) {
        state.withLock { $0.network = (network, loop, hello) }
    }

    /// From now on results can be fetched from this process at `address`; before this call, none is kept.
    package func listen(at address: String) {
        state.withLock { $0.address = address }
    }

    // MARK: Keeping

    /// - Returns: where the result is now; `nil` when it is not kept.
    func keep(_ region: ByteBuffer, for owner: PeerConnection) -> (address: String, number: UInt64)? {
        let count = region.readableBytes
        let place = state.withLock { state -> (String, UInt64)? in
            guard count >= Self.minimumBytes, state.bytes + count <= Self.maximumBytes, let address = state.address
            else { return nil }
            let number = state.next
            state.next += 1
            state.entries[number] = Entry(region: region, owner: ObjectIdentifier(owner))
            state.bytes += count
            return (address, number)
        }
        // A closed owner can no longer release anything.
        if place != nil, owner.isClosed { releaseAll(of: owner) }
        return place
    }

    func region(_ number: UInt64) -> ByteBuffer? {
        state.withLock { $0.entries[number]?.region }
    }

    /// Only the owner for which a result is kept can release it.
    func release(_ number: UInt64, by owner: PeerConnection) {
        drop { $0 == number && $1 == ObjectIdentifier(owner) }
    }

    func releaseAll(of owner: PeerConnection) {
        drop { $1 == ObjectIdentifier(owner) }
    }

    private func drop(where isOver: (UInt64, ObjectIdentifier) -> Bool) {
        let empty = state.withLock { state -> [@Sendable () -> Void] in
            for (number, entry) in state.entries where isOver(number, entry.owner) {
                state.entries[number] = nil
                state.bytes -= entry.region.readableBytes
            }
            guard state.entries.isEmpty else { return [] }
            defer { state.whenEmpty = [] }
            return state.whenEmpty
        }
        for callback in empty { callback() }
    }

    /// Calls back once nothing is kept for others; immediately when that is already so.
    package func whenEmpty(_ callback: @escaping @Sendable () -> Void) {
        let isEmpty = state.withLock { state in
            if !state.entries.isEmpty { state.whenEmpty.append(callback) }
            return state.entries.isEmpty
        }
        if isEmpty { callback() }
    }

    /// For status and tests.
    package var load: (results: Int, bytes: Int) { state.withLock { ($0.entries.count, $0.bytes) } }

    // MARK: Fetching

    /// - Throws: ``ServeError`` with code `replicaLost` when the process that kept the result is gone.
    func fetch(_ number: UInt64, from address: String, into hosted: HostedReplicas) async throws -> ByteBuffer {
        if state.withLock({ $0.address == address }) {
            guard let region = region(number) else { throw Self.gone }
            return region
        }
        return try await Self.fetch(number, over: try await connection(to: address, hosted))
    }

    /// Fetches the arguments of a call, all at the same time.
    func fetch(_ references: [CallFrame.Reference], into hosted: HostedReplicas) async throws -> [(Int, EncodedValue)] {
        try await withThrowingTaskGroup(of: (Int, EncodedValue).self) { group in
            for reference in references {
                group.addTask {
                    let region = try await self.fetch(reference.number, from: reference.address, into: hosted)
                    return (reference.index, EncodedValue(region: region, system: hosted.system))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    static func fetch(_ number: UInt64, over connection: PeerConnection) async throws -> ByteBuffer {
        var frame = Frame.open(capacity: 8)
        frame.writeInteger(number, endianness: .little)
        switch await FramedCall(nil, connection).outcome(.requestFetch, frame) {
        case .result(.encoded(let region)): return region
        case .failed(let error): throw error
        case .lost(_, let reason):
            throw ServeError(.replicaLost, "the process that kept a result ended: \(reason)")
        case .refused, .result: throw gone
        }
    }

    static let gone = ServeError(
        .replicaLost,
        "a result that a replica kept for another is gone, because the request or "
            + "the replica ended"
    )

    /// One connection to each process, made when it is first needed.
    private func connection(to address: String, _ hosted: HostedReplicas) async throws -> PeerConnection {
        let link = try state.withLock { state throws -> EventLoopFuture<PeerConnection> in
            if let link = state.links[address] { return link }
            guard let (network, loop, hello) = state.network else { throw Self.gone }
            let delegate = FetchLink(self, address)
            let link = network.connect(to: address, on: loop, delegate: delegate, hosted: hosted).map { connection in
                connection.send(hello)
                return connection
            }
            state.links[address] = link
            return link
        }
        do {
            return try await link.get()
        } catch {
            forget(address)
            throw ServeError(.replicaLost, "the process that keeps a result cannot be reached: \(error)")
        }
    }

    fileprivate func forget(_ address: String) {
        _ = state.withLock { $0.links.removeValue(forKey: address) }
    }
}

/// A connection that is only used to fetch results.
private final class FetchLink: PeerDelegate {
    private let kept: KeptResults
    private let address: String

    init(_ kept: KeptResults, _ address: String) {
        self.kept = kept
        self.address = address
    }

    func received(_ hello: Hello, on connection: PeerConnection) {}
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        connection.close(because: "unexpected control message: only the controller sends this kind")
    }
    func closed(_ connection: PeerConnection, reason: String) {
        kept.forget(address)
    }
}
