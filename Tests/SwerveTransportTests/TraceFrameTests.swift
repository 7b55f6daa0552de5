import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import Testing

@testable import SwerveTransport

@Suite struct TraceFrameTests {
    private static func trace(_ state: String?) throws -> TraceContext {
        TraceContext(try #require(TraceID(high: 1, low: 2)), try #require(SpanID(3)), flags: 1, state: state)
    }

    @Test(arguments: [nil, "a=1,b@c=2"])
    func `a request's attributes travel with its place in a trace`(_ state: String?) throws {
        let trace = try Self.trace(state)
        for attributes in [
            RequestAttributes(priority: .high, sessionKey: "s", modelID: "m", trace: trace),
            RequestAttributes(trace: trace),
        ] {
            var frame = ByteBuffer()
            frame.writeAttributes(attributes)
            #expect(frame.readAttributes(ifPresent: true) == .some(.some(attributes)))
            #expect(frame.readableBytes == 0)
        }
    }

    @Test func `a place in a trace costs 25 bytes, and none costs none`() throws {
        var frame = ByteBuffer()
        frame.writeAttributes(RequestAttributes(priority: .high))
        #expect(frame.readableBytes == 1)
        frame.writeAttributes(RequestAttributes(trace: try Self.trace(nil)))
        #expect(frame.readableBytes == 1 + 26)
    }

    @Test func `attributes that are cut short, or have no IDs, are an error`() throws {
        var whole = ByteBuffer()
        whole.writeAttributes(RequestAttributes(trace: try Self.trace("a=1")))
        for length in 0..<whole.readableBytes {
            var part = try #require(whole.getSlice(at: whole.readerIndex, length: length))
            #expect(part.readAttributes(ifPresent: true) == .none)
        }
        var zero = ByteBuffer(bytes: [0x41] + [UInt8](repeating: 0, count: 25))
        #expect(zero.readAttributes(ifPresent: true) == .none)
        var state = ByteBuffer()
        state.writeAttributes(RequestAttributes(trace: try Self.trace("not a list")))
        #expect(state.readAttributes(ifPresent: true) == .none)
    }

    @Test(arguments: [true, false], [nil, "a=1"])
    func `an HTTP request's frame has its place in a trace`(_ isTraced: Bool, _ state: String?) throws {
        let bytes = ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\n")
        let layout = HTTPRequestHead.Layout(
            methodLength: 3,
            targetStart: 4,
            targetEnd: 5,
            pathStart: 4,
            pathEnd: 5,
            headersStart: 16
        )
        let request = ReplicaRequest(
            head: HTTPRequestHead(bytes: bytes, layout: layout),
            body: ByteBuffer(string: "body"),
            deadline: nil,
            trace: isTraced ? try Self.trace(state) : nil
        )
        var frame = ByteBuffer()
        HTTPFrames.write(request, method: 1, now: .uptimeNanoseconds(0), to: &frame)
        #expect(frame.readInteger(endianness: .little, as: UInt32.self) == 1)
        frame.writeString("body")
        let read = try HTTPFrames.readRequest(&frame, shared: nil, now: .uptimeNanoseconds(0))
        #expect(read.trace == request.trace)
        #expect(read.body == ByteBuffer(string: "body"))
    }
}
