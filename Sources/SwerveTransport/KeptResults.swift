package import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// The large results that this process keeps for others, and its ways to those that others keep.
///
/// A caller that only passes a result on asks for it to be kept (``CallFrame``); the replica that it is passed to fetches
/// it over a connection of its own, so that large data neither goes through the caller nor holds requests up. A result
/// goes when the caller releases it or its connection ends.
package final class KeptResults: Sendable {
    /// Results from so many bytes on are kept; smaller ones are sent at once: 64 KiB.
    package static let minimumBytes = 64 << 10
    /// So many bytes are kept at most by one process: 1 GiB. Results that do not fit are sent to the caller.
    package static let maximumBytes = 1 << 30

    private struct Entry {
        let region: ByteBuffer
        let owner: ObjectIdentifier
    }
    private struct State {
        var address: String?
        var group: (any EventLoopGroup)?
        var hello: Hello?
        var entries: [UInt64: Entry] = [:]
        var bytes = 0
        var next: UInt64 = 1
        var links: [String: Task<PeerConnection, any Error>] = [:]
    }
    private let state = Mutex(State())

    /// - Parameter hello: what this process says of itself when it fetches.
    package func configure(group: any EventLoopGroup, hello: Hello) {
        state.withLock { ($0.group, $0.hello) = (group, hello) }
    }

    /// From now on results can be fetched from this process at `address`; before, none is kept.
    package func listen(at address: String) {
        state.withLock { $0.address = address }
    }

    // MARK: Keeping

    /// - Returns: where the result is from now on; `nil` when it is not kept.
    func keep(_ region: ByteBuffer, for owner: PeerConnection) -> (address: String, number: UInt64)? {
        let count = region.readableBytes
        return state.withLock { state in
            guard count >= Self.minimumBytes, state.bytes + count <= Self.maximumBytes, let address = state.address
            else { return nil }
            let number = state.next
            state.next += 1
            state.entries[number] = Entry(region: region, owner: ObjectIdentifier(owner))
            state.bytes += count
            return (address, number)
        }
    }

    func region(_ number: UInt64) -> ByteBuffer? {
        state.withLock { $0.entries[number]?.region }
    }

    /// Only who had a result kept can have it released.
    func release(_ number: UInt64, by owner: PeerConnection) {
        state.withLock { state in
            guard let entry = state.entries[number], entry.owner == ObjectIdentifier(owner) else { return }
            state.entries[number] = nil
            state.bytes -= entry.region.readableBytes
        }
    }

    func releaseAll(of owner: PeerConnection) {
        state.withLock { state in
            guard !state.entries.isEmpty else { return }
            for (number, entry) in state.entries where entry.owner == ObjectIdentifier(owner) {
                state.entries[number] = nil
                state.bytes -= entry.region.readableBytes
            }
        }
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

    static func fetch(_ number: UInt64, over connection: PeerConnection) async throws -> ByteBuffer {
        let fetch = PendingFetch(connection)
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { fetch.start(number, $0) }
        } onCancel: {
            fetch.end(.failure(CancellationError()))
        }
    }

    static let gone = ServeError(
        .replicaLost,
        "a result that a replica kept for another is gone, as is the request or "
            + "the replica"
    )

    /// One connection to each process, made when it is first needed.
    private func connection(to address: String, _ hosted: HostedReplicas) async throws -> PeerConnection {
        let link = try state.withLock { state throws -> Task<PeerConnection, any Error> in
            if let link = state.links[address] { return link }
            guard let group = state.group, let hello = state.hello else { throw Self.gone }
            // Unstructured: several requests wait for it, and none of them shall cancel it for the others.
            let link = Task {
                let delegate = FetchLink(self, address)
                let connection = try await PeerSocket.connect(
                    to: address,
                    on: group,
                    delegate: delegate,
                    hosted: hosted
                )
                connection.send(hello)
                return connection
            }
            state.links[address] = link
            return link
        }
        do {
            return try await link.value
        } catch {
            forget(address)
            throw ServeError(.replicaLost, "the process that keeps a result cannot be reached: \(error)")
        }
    }

    fileprivate func forget(_ address: String) {
        _ = state.withLock { $0.links.removeValue(forKey: address) }
    }
}

/// A connection that is used to fetch results only.
private final class FetchLink: PeerDelegate {
    private let kept: KeptResults
    private let address: String

    init(_ kept: KeptResults, _ address: String) {
        self.kept = kept
        self.address = address
    }

    func received(_ hello: Hello, on connection: PeerConnection) {}
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        connection.close(because: "a control message from a replica that is not the controller")
    }
    func closed(_ connection: PeerConnection, reason: String) {
        kept.forget(address)
    }
}

/// A result on its way here.
private final class PendingFetch: StreamOwner {
    private let connection: PeerConnection
    private enum State {
        case idle
        case waiting(UnsafeContinuation<ByteBuffer, any Error>)
        case over
    }
    private let state = Mutex(State.idle)

    init(_ connection: PeerConnection) {
        self.connection = connection
    }

    func start(_ number: UInt64, _ continuation: UnsafeContinuation<ByteBuffer, any Error>) {
        let isCancelled = state.withLock { state in
            guard case .idle = state else { return true }
            state = .waiting(continuation)
            return false
        }
        if isCancelled { return continuation.resume(throwing: CancellationError()) }
        var frame = Frame.open(capacity: 8)
        frame.writeInteger(number, endianness: .little)
        if case .failure(let failure) = connection.open(.requestKept, frame, owner: self) {
            end(.failure(failure.error))
        }
    }

    func end(_ result: Result<ByteBuffer, any Error>) {
        let continuation = state.withLock { state -> UnsafeContinuation<ByteBuffer, any Error>? in
            defer { state = .over }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        continuation?.resume(with: result)
    }

    func received(_ kind: FrameKind, _ body: ByteBuffer, on connection: PeerConnection) {
        switch kind {
        case .responseValue: end(.success(body))
        case .responseRefused: end(.failure(KeptResults.gone))
        default: end(.failure(ServeError(.protocolViolation, "a fetch was answered with \(kind)")))
        }
    }

    func connectionLost(started: Bool, reason: String) {
        end(.failure(ServeError(.replicaLost, "the process that kept a result ended: \(reason)")))
    }
}
