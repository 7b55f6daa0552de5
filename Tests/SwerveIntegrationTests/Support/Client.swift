import Foundation
import NIOCore
import NIOPosix
import Swerve
import TestSupport
import Testing

/// A response as received over the wire.
struct Answer {
    var status = 0
    var headers: [String: String] = [:]
    var body = ByteBuffer()
    var text: String { String(buffer: body) }
}

/// An HTTP/1.1 connection that sends any text, right or wrong.
///
/// It reads input only when a test asks for it, so that tests can act as slow clients.
struct Connection: Sendable {
    struct Closed: Error {}

    private typealias Channel = NIOAsyncChannel<ByteBuffer, ByteBuffer>
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let input: Input

    private final class Input: @unchecked Sendable {
        // Unchecked: used by the one task that reads.
        var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        var buffer = ByteBuffer()
        init(_ iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.iterator = iterator }

        /// Reads more input. Returns false when the other side has closed.
        func more() async throws -> Bool {
            guard var bytes = try await iterator.next() else { return false }
            buffer.writeBuffer(&bytes)
            return true
        }
    }

    /// Connects to a port, the instance's by default, passes the connection to `body` and closes it.
    static func open<Value>(
        port: Int? = nil,
        _ body: (Connection) async throws -> Value
    ) async throws -> Value {
        let common = port == nil ? await instance.port : nil
        let port = try #require(port ?? common)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.socketOption(.so_rcvbuf), value: 1 << 16)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(
                            backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2),
                            isOutboundHalfClosureEnabled: true
                        )
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(Connection(outbound: outbound, input: Input(inbound.makeAsyncIterator())))
        }
    }

    /// Sends a request without content, and waits for the whole response.
    func get(_ target: String) async throws -> Answer {
        try await send("GET \(target) HTTP/1.1\r\nhost: test\r\n\r\n")
        return try await response()
    }

    func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }
    func send(_ bytes: ByteBuffer) async throws { try await outbound.write(bytes) }

    /// The head of the next response.
    func head() async throws -> Answer {
        while true {
            let view = input.buffer.readableBytesView
            let text = String(decoding: view.prefix(16 << 10), as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
                input.buffer.moveReaderIndex(forwardBy: text[..<end.upperBound].utf8.count)
                var response = Answer(status: Int(lines[0].split(separator: " ")[1]) ?? 0)
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
                    response.headers[parts[0].lowercased()] = String(value)
                }
                return response
            }
            guard try await input.more() else { throw Closed() }
        }
    }

    /// The next response with its content.
    func response() async throws -> Answer {
        var response = try await head()
        if response.headers["transfer-encoding"] == "chunked" {
            while let chunk = try await chunk() { response.body.writeImmutableBuffer(chunk) }
        } else if let length = response.headers["content-length"].flatMap({ Int($0) }) {
            response.body = try await bytes(length)
        }
        return response
    }

    /// The next chunk of a chunked body; `nil` at its end.
    func chunk() async throws -> ByteBuffer? {
        while true {
            let line = String(decoding: input.buffer.readableBytesView.prefix(32), as: UTF8.self)
            if let end = line.range(of: "\r\n"), let length = Int(line[..<end.lowerBound], radix: 16) {
                input.buffer.moveReaderIndex(forwardBy: line[..<end.upperBound].utf8.count)
                let chunk = try await bytes(length)
                _ = try await bytes(2)
                return length == 0 ? nil : chunk
            }
            guard try await input.more() else { throw Closed() }
        }
    }

    func bytes(_ count: Int) async throws -> ByteBuffer {
        while input.buffer.readableBytes < count {
            guard try await input.more() else { throw Closed() }
        }
        let slice = input.buffer.readSlice(length: count) ?? ByteBuffer()
        input.buffer.discardReadBytes()
        return slice
    }

    /// Whether the server closes without sending anything more.
    func isClosed() async -> Bool {
        do { return try await input.more() == false && input.buffer.readableBytes == 0 } catch { return true }
    }
}

/// Sends one request on a new connection.
func fetch(
    _ target: String,
    method: String = "GET",
    headers: [String: String] = [:],
    body: ByteBuffer? = nil,
    port: Int? = nil
) async throws -> Answer {
    try await Connection.open(port: port) { connection in
        var head = "\(method) \(target) HTTP/1.1\r\nhost: test\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "content-length: \(body.readableBytes)\r\n" }
        try await connection.send(head + "\r\n")
        if let body { try await connection.send(body) }
        return try await connection.response()
    }
}

func post(_ target: String, _ text: String, headers: [String: String] = [:]) async throws -> Answer {
    try await fetch(target, method: "POST", headers: headers, body: ByteBuffer(string: text))
}
