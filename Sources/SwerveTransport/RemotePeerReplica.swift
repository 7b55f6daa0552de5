internal import NIOCore
package import SwerveActors
package import SwerveCore
internal import Synchronization

/// A replica that is reached over a connection.
package final class RemotePeerReplica: RemoteReplica {
    package let id: ReplicaID
    package let connection: PeerConnection
    /// The numbers of methods; 0 as a key stands for HTTP requests, which need none of the names.
    private let methods = Mutex<[String: UInt32]>([:])
    private let httpMethod = Mutex<UInt32?>(nil)

    package init(_ id: ReplicaID, _ connection: PeerConnection) {
        self.id = id
        self.connection = connection
    }

    /// The number by which HTTP requests to this replica go.
    package func httpNumber() -> UInt32 {
        httpMethod.withLock { number in
            if let number { return number }
            let new = connection.define(id, "")
            number = new
            return new
        }
    }

    private func number(of target: String) -> UInt32 {
        methods.withLock { methods in
            if let number = methods[target] { return number }
            let number = connection.define(id, target)
            methods[target] = number
            return number
        }
    }

    package func call(_ call: OutgoingCall) async -> CallOutcome {
        let frame: ByteBuffer
        do { frame = try CallFrame.make(call, method: number(of: call.target)) } catch { return .failed(error) }
        let pending = PendingCall(id, connection)
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in pending.start(frame, continuation) }
        } onCancel: {
            pending.cancel()
        }
    }
}

/// A call by handle that waits for its answer.
private final class PendingCall: StreamOwner {
    private enum State {
        case idle
        case waiting(UnsafeContinuation<CallOutcome, Never>, stream: UInt64?)
        /// Cancelled before it began, or over.
        case over
    }
    private let replica: ReplicaID
    private let connection: PeerConnection
    private let state = Mutex(State.idle)

    init(_ replica: ReplicaID, _ connection: PeerConnection) {
        self.replica = replica
        self.connection = connection
    }

    func start(_ frame: ByteBuffer, _ continuation: UnsafeContinuation<CallOutcome, Never>) {
        let isCancelled = state.withLock { state in
            guard case .idle = state else { return true }
            state = .waiting(continuation, stream: nil)
            return false
        }
        if isCancelled { return continuation.resume(returning: .failed(CancellationError())) }
        switch connection.open(.requestCall, frame, owner: self) {
        case .failure(.closed(let reason)): end(.lost(started: false, reason: reason))
        case .failure(let failure): end(.failed(failure.error))
        case .success(let stream):
            let wasCancelled = state.withLock { state in
                guard case .waiting(let continuation, _) = state else { return true }
                state = .waiting(continuation, stream: stream)
                return false
            }
            // Over already: answered, which makes the cancellation pointless but harmless, or cancelled.
            if wasCancelled { connection.send(.requestCancel, stream: stream) }
        }
    }

    func cancel() {
        let (continuation, stream) = state.withLock { state -> (UnsafeContinuation<CallOutcome, Never>?, UInt64?) in
            defer { state = .over }
            guard case .waiting(let continuation, let stream) = state else { return (nil, nil) }
            return (continuation, stream)
        }
        if let stream { connection.send(.requestCancel, stream: stream) }
        continuation?.resume(returning: .failed(CancellationError()))
    }

    private func end(_ outcome: CallOutcome) {
        let continuation = state.withLock { state -> UnsafeContinuation<CallOutcome, Never>? in
            guard case .waiting(let continuation, _) = state else { return nil }
            state = .over
            return continuation
        }
        continuation?.resume(returning: outcome)
    }

    func received(_ kind: FrameKind, _ body: ByteBuffer, on connection: PeerConnection) {
        switch kind {
        case .responseValue: end(.value(body))
        case .responseKept: end(keptOutcome(body, connection))
        case .responseFailure: end(.failed(Failures.decode(body, from: replica)))
        case .responseRefused: end(.refused)
        default: end(.failed(ServeError(.protocolViolation, "a call was answered with \(kind)", replica: replica)))
        }
    }

    /// Made even when nobody waits any more: dropping it releases what is kept.
    private func keptOutcome(_ body: ByteBuffer, _ connection: PeerConnection) -> CallOutcome {
        var body = body
        guard let number = body.readInteger(endianness: .little, as: UInt64.self),
            let count = body.readInteger(endianness: .little, as: UInt64.self)
        else { return .failed(ServeError(.protocolViolation, "a kept result without its number", replica: replica)) }
        return .kept(
            KeptResult(
                address: String(buffer: body),
                number: number,
                byteCount: Int(clamping: count),
                fetch: { try await KeptResults.fetch(number, over: connection) },
                release: {
                    var frame = Frame.open(capacity: 8)
                    frame.writeInteger(number, endianness: .little)
                    connection.send(.requestRelease, stream: 0, frame)
                }
            )
        )
    }

    func connectionLost(started: Bool, reason: String) {
        end(.lost(started: started, reason: reason))
    }
}
