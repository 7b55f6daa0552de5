import NIOCore
import NIOEmbedded
import NIOHTTP1
import SwerveCore
import SwerveHTTP
import Testing

/// Whatever this parser accepts, NIO's (llhttp) must accept with the same meaning: request smuggling lives on two
/// parsers that disagree. This one may refuse more.
@Suite struct ParserFuzzTests {
    private static let seeds = [
        "GET /path?query=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nX-Long: abcdefghijklmnop\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world",
        "PUT /a HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y;z=\"q\"\r\n"
            + "abcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n",
        "GET http://a.b:80/c?d HTTP/1.1\r\nHost: a.b:80\r\nExpect: 100-continue\r\n\r\n",
        "DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nEmpty:\r\nTab:\tx\t\r\n\r\n",
    ]
    private static let tokens = [
        "\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "\0", "\u{7F}", "0", "1", "5", "a", "f", "-", "+", "\"", "\\",
        "%",
        "#", "?", "/", "*", "Content-Length: 5\r\n", "Content-Length: 11\r\n", "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n", "Host: b\r\n", "HTTP/1.1", "HTTP/1.0", "chunked", "close", "0\r\n\r\n",
        "\r\n\r\n",
    ]

    @Test(arguments: 0..<8) func `accepted requests mean the same to NIO`(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed) &* 7919 &+ 1)
        var accepted = 0
        for round in 0..<1500 {
            let bytes = mutated(using: &random)
            let ours = parse(split(bytes, using: &random))
            #expect(parse([bytes]) == ours, "seed \(seed) round \(round): \(show(bytes))")
            // llhttp knows a fixed list of methods and refuses the others.
            guard !ours.requests.isEmpty, ours.requests.allSatisfy({ Self.known.contains($0.method) }) else { continue }
            accepted += 1
            let theirs = nio(bytes)
            // Whatever follows a request that ends the connection is never parsed.
            let last = ours.requests.firstIndex { !$0.isKeepAlive } ?? ours.requests.count - 1
            let mine = ours.requests[...last]
            let same = theirs.count >= mine.count && zip(mine, theirs).allSatisfy(agree)
            #expect(same, "seed \(seed) round \(round): \(show(bytes)) ours \(mine) NIO's \(theirs)")
            if !same { return }
        }
        #expect(accepted > 100)
    }

    /// Closing a connection that could be kept does no harm.
    private func agree(_ mine: ParsedRequest, _ theirs: ParsedRequest) -> Bool {
        var theirs = theirs
        if !mine.isKeepAlive { theirs.isKeepAlive = false }
        return mine == theirs
    }

    /// NIO keeps tabs at the end of a value; to the standard they are white space around it.
    private static func trimmed(_ value: String) -> Substring {
        var value = value[...]
        while value.last == "\t" || value.last == " " { value.removeLast() }
        return value
    }

    private static let known: Set<String> = ["GET", "POST", "PUT", "OPTIONS", "DELETE"]

    private func show(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }

    private func mutated(using random: inout SplitMix64) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0...random.next(below: 2) { bytes += Array(Self.seeds[random.next(below: Self.seeds.count)].utf8) }
        for _ in 0..<random.next(below: 4) {
            let position = random.next(below: bytes.count)
            switch random.next(below: 5) {
            case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.remove(at: position)
            case 2:
                bytes.insert(contentsOf: Array(Self.tokens[random.next(below: Self.tokens.count)].utf8), at: position)
            case 3: bytes.insert(bytes[random.next(below: bytes.count)], at: position)
            default:
                let end = min(bytes.count, position + 1 + random.next(below: 12))
                bytes.replaceSubrange(
                    position..<end,
                    with: Array(Self.tokens[random.next(below: Self.tokens.count)].utf8)
                )
            }
            if bytes.isEmpty { bytes = [65] }
        }
        return bytes
    }

    /// The complete requests that NIO's decoder finds.
    private func nio(_ bytes: [UInt8]) -> [ParsedRequest] {
        let channel = EmbeddedChannel()
        var requests: [ParsedRequest] = []
        var current: ParsedRequest?
        do {
            try channel.pipeline.syncOperations.addHandler(
                ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
            )
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
            defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
            // NIO's decoder keeps what it decoded before an error.
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head(let head):
                    current = ParsedRequest(
                        method: head.method.rawValue,
                        target: head.uri,
                        headers: head.headers.map { "\($0.name): \(Self.trimmed($0.value))" },
                        body: "",
                        isKeepAlive: head.isKeepAlive
                    )
                case .body(let bytes): current?.body += String(buffer: bytes)
                case .end: if let done = current.take() { requests.append(done) }
                }
            }
        } catch {
            Issue.record(error)
        }
        return requests
    }
}
