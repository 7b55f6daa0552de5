import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import TestSupport
import Testing

@testable import SwerveTransport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The process at the other end of a connection. It does what the test wants, right or wrong.
final class RawPeer {
    private var socket: Int32
    private var decoder = FrameDecoder()
    private(set) var isEnded = false

    init(_ socket: Int32) {
        self.socket = socket
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
    }
    deinit { close() }

    /// A peer, and this process's connection to it.
    static func connected(
        _ hosted: HostedReplicas = HostedReplicas(.detached),
        small: Bool = false
    ) async throws -> (peer: RawPeer, connection: PeerConnection, recorder: Recorder) {
        let (near, far) = try TestSockets.pair()
        if small {
            try TestSockets.shrink(near)
            try TestSockets.shrink(far)
        }
        let recorder = Recorder()
        return (RawPeer(far), try await TestSockets.connection(over: near, recorder, hosted), recorder)
    }

    func close() {
        if socket >= 0 { Glibc.close(socket) }
        socket = -1
    }

    // MARK: Sending

    func send(_ bytes: [UInt8]) async throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                try await Task.yieldToSockets()
            } else {
                throw TestSockets.Failed(call: "send", code: errno)
            }
        }
    }

    func send(_ kind: FrameKind, stream: UInt64 = 0, _ body: (inout ByteBuffer) throws -> Void = { _ in }) async throws
    {
        try await send(try frame(kind, stream: stream, body))
    }

    func send(_ kind: FrameKind, stream: UInt64 = 0, bytes: Int) async throws {
        try await send(kind, stream: stream) { $0.writeRepeatingByte(7, count: bytes) }
    }

    func sendCredit(_ kind: FrameKind, stream: UInt64, _ bytes: Int) async throws {
        try await send(kind, stream: stream) { $0.writeInteger(UInt32(bytes), endianness: .little) }
    }

    // MARK: Receiving

    /// Up to `most` bytes of what has arrived; empty when nothing has arrived or the other side is gone.
    func read(upTo most: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { space in
            let count = recv(socket, space.baseAddress, most, 0)
            if count == 0 || (count < 0 && errno != EAGAIN) { isEnded = true }
            return max(count, 0)
        }
        return buffer
    }

    /// The next frame; `nil` when the other side is gone.
    func next() async throws -> FrameDecoder.Frame? {
        while true {
            if let frame = try decoder.next() { return frame }
            let bytes = read(upTo: 64 << 10)
            if bytes.readableBytes > 0 {
                decoder.feed(bytes)
            } else if isEnded {
                return nil
            } else {
                try await Task.yieldToSockets()
            }
        }
    }

    /// The next frame, which must have this kind.
    func expect(_ kind: FrameKind, sourceLocation: SourceLocation = #_sourceLocation) async throws -> FrameDecoder.Frame
    {
        let frame = try await next()
        return try #require(frame?.kind == kind ? frame : nil, "\(frame?.kind as Any)", sourceLocation: sourceLocation)
    }

    /// Returns `true` when the other side closes, possibly after more frames.
    func isCutOff() async throws -> Bool {
        while try await next() != nil {}
        return true
    }
}

extension Task where Success == Never, Failure == Never {
    /// Lets others run while a socket has nothing or takes nothing.
    fileprivate static func yieldToSockets() async throws {
        var isFirst = true
        try await eventually("others have run") {
            defer { isFirst = false }
            return !isFirst
        }
    }
}

// MARK: Requests

extension HTTPRequestHead {
    static func post(_ path: String) -> HTTPRequestHead {
        let text = "POST \(path) HTTP/1.1\r\n"
        let end = UInt32(5 + path.utf8.count)
        let layout = Layout(
            methodLength: 4,
            targetStart: 5,
            targetEnd: end,
            pathStart: 5,
            pathEnd: end,
            headersStart: UInt32(text.utf8.count)
        )
        return HTTPRequestHead(bytes: ByteBuffer(string: text), layout: layout)
    }
}

extension RawPeer {
    /// The number that a caller gives a stream.
    static func stream(_ sequence: UInt64, slot: UInt64 = 0) -> UInt64 { sequence << 20 | slot }

    func define(_ number: UInt64, _ replica: ReplicaID, target: String = "") async throws {
        try await send(.define, stream: number) {
            $0.writeString("\(replica.deployment)\0\(replica.number)\0\(target)")
        }
    }

    /// Begins an HTTP request. Unless `body` is given, the body follows in frames of its own.
    func request(_ path: String, stream: UInt64, method: UInt32 = 1, body: ByteBuffer? = nil) async throws {
        let request = ReplicaRequest(head: .post(path), body: body, deadline: nil)
        try await send(.requestHTTP, stream: stream) { frame in
            HTTPFrames.write(request, method: method, now: .now(), to: &frame)
            if let body { frame.writeImmutableBuffer(body) }
        }
    }

    /// The body of a call's frame after the method's number.
    static func call(_ target: String, _ arguments: any Codable & Sendable...) throws -> [UInt8] {
        let all = Arguments()
        for argument in arguments { all.append(argument) }
        let (frame, _) = try CallFrame.make(OutgoingCall(target: target, arguments: all), method: 0)
        return Array(frame.readableBytesView.dropFirst(Frame.headerBytes + 4))
    }
}
