import NIOCore
import NIOPosix
import SwerveActors
import SwerveHTTPTypes
import Synchronization
import Testing

@testable import SwerveTransport

/// A caller of the seam. It sends a body as the replica makes room, takes the answer, and records the events.
final class SeamClient: ReplicaStreamReceiver {
    private struct State {
        var stream: (any ReplicaStream)?
        var rest: ByteBuffer
        var ahead = 0
        var isEndSent = false
        var answer = ByteBuffer()
        var unreported = 0
        var events: [String] = []
        var ends: [StreamEvent] = []
        var waiting: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State>
    private let loop: RequestLoop
    /// Whether it reports bytes as consumed; otherwise the answer stays on the way.
    private let isReading = Atomic<Bool>(true)
    private let part: Int

    init(body: ByteBuffer = ByteBuffer(), part: Int = 100_000, isReading: Bool = true) {
        state = Mutex(State(rest: body))
        loop = RequestLoop(MultiThreadedEventLoopGroup.singleton.next(), index: 0)
        self.part = part
        self.isReading.store(isReading, ordering: .relaxed)
    }

    var answer: ByteBuffer { state.withLock { $0.answer } }
    var events: [String] { state.withLock { $0.events } }
    /// The events that ended the stream; more than one is a mistake.
    var ends: [StreamEvent] { state.withLock { $0.ends } }
    var end: String? { state.withLock { $0.ends.count == 1 ? $0.ends[0].name : nil } }
    /// The number of bytes of the body that were not sent.
    var unsent: Int { state.withLock { $0.rest.readableBytes } }

    func begin(_ replica: any ReplicaConnection, _ path: String, whole: Bool = false) async throws {
        let body = whole ? state.withLock { $0.rest.readSlice(length: $0.rest.readableBytes) } : nil
        let request = ReplicaRequest(head: .post(path), body: body, deadline: nil)
        try await loop.eventLoop.submit {
            let stream = replica.open(request, for: self, on: self.loop)
            self.state.withLock { state in
                #expect(state.events.isEmpty, "an event arrived during the call that opened the stream")
                state.stream = stream
            }
        }.get()
    }

    /// Waits until the stream has ended.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.ends.isEmpty { state.waiting = continuation }
                return !state.ends.isEmpty
            }
            if isOver { continuation.resume() }
        }
    }

    /// Lets go of the stream and of what came.
    func forget() {
        state.withLock { state in
            state.stream = nil
            state.ends = []
            state.answer = ByteBuffer()
        }
    }

    func cancel() { state.withLock { $0.stream }?.cancel() }

    /// Takes all bytes that have arrived and will arrive.
    func read() {
        isReading.store(true, ordering: .relaxed)
        loop.eventLoop.execute { self.report() }
    }

    // MARK: On the loop

    func received(_ event: StreamEvent) {
        #expect(loop.eventLoop.inEventLoop)
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.events.last != event.name { state.events.append(event.name) }
            switch event {
            case .consumed(let bytes): state.ahead -= bytes
            case .bytes(let bytes):
                state.answer.writeImmutableBuffer(bytes)
                state.unreported += bytes.readableBytes
            case .response(_, let body): state.answer.writeImmutableBuffer(body)
            default: break
            }
            guard event.endsStream else { return nil }
            state.ends.append(event)
            return state.waiting.take()
        }
        waiting?.resume()
        switch event {
        case .accepted, .consumed: sendBody()
        case .bytes: report()
        default: break
        }
    }

    private func sendBody() {
        while let (stream, bytes, isLast) = nextPart() {
            if bytes.readableBytes > 0 { stream.send(bytes) }
            if isLast { stream.end() }
        }
    }

    private func nextPart() -> (any ReplicaStream, ByteBuffer, Bool)? {
        state.withLock { state in
            guard let stream = state.stream, !state.isEndSent, state.ends.isEmpty else { return nil }
            let room = min(StreamLimits.window - state.ahead, part, state.rest.readableBytes)
            let bytes = room > 0 ? state.rest.readSlice(length: room) ?? ByteBuffer() : ByteBuffer()
            state.ahead += bytes.readableBytes
            state.isEndSent = state.rest.readableBytes == 0
            return bytes.readableBytes > 0 || state.isEndSent ? (stream, bytes, state.isEndSent) : nil
        }
    }

    private func report() {
        guard isReading.load(ordering: .relaxed) else { return }
        let (stream, bytes) = state.withLock { state in
            defer { state.unreported = 0 }
            return (state.stream, state.unreported)
        }
        if bytes > 0 { stream?.consumed(bytes) }
    }
}

extension StreamEvent {
    var name: String {
        switch self {
        case .accepted: "accepted"
        case .consumed: "consumed"
        case .head: "head"
        case .bytes: "bytes"
        case .items: "items"
        case .response: "response"
        case .end: "end"
        case .value: "value"
        case .failure: "failure"
        case .refused: "refused"
        case .lost(let started, _): started ? "lost" : "lost before it began"
        }
    }
}
