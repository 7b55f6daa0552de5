import NIOCore
import NIOEmbedded
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes

/// Measures what the HTTP/1.1 server spends on one small request, without a socket and without a service's work. It
/// serves for counting instructions (`valgrind --tool=callgrind`) and for timing.
@main
struct BenchHTTP {
    private static let get =
        "GET /predict HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Request-ID: abc\r\n\r\n"
    private static let post =
        "POST /predict HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
        + "{\"values\":[1,2,3,4]}"

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]), count > 0,
            let request = ["get": get, "post": post][arguments[1]]
        else {
            print("usage: bench-http get|post COUNT")
            return
        }
        let clock = ContinuousClock()
        let channel = EmbeddedChannel()
        let loop = HTTPLoop(
            eventLoop: channel.embeddedEventLoop,
            options: HTTPServerOptions(),
            time: { MonotonicTime(nanoseconds: 1) },
            wallClock: { 784_111_777 },
            seed: 1
        )
        try channel.pipeline.syncOperations.addHandler(HTTPConnectionHandler(loop: loop, service: Fixed()))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
        let bytes = ByteBuffer(string: request)
        var written = 0
        let start = clock.now
        for _ in 0..<count {
            try channel.writeInbound(bytes)
            while let answer = try channel.readOutbound(as: ByteBuffer.self) { written += answer.readableBytes }
        }
        let time = clock.now - start
        print("\(count) requests, \(written / count) bytes each, \(Int(time / .nanoseconds(1)) / count) ns each")
    }
}

/// Answers at once.
private final class Fixed: HTTPService {
    private static let block = ByteBuffer(string: "content-type: application/json\r\n")
    private static let body = ByteBuffer(string: "{\"result\":10}")

    func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        exchange.respond(status: 200, headerBlock: Self.block, body: Self.body)
    }
}
