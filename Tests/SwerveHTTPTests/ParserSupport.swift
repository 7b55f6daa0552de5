import NIOCore
import SwerveHTTP
import SwerveHTTPTypes

/// One request as the parser and the body decoder see it.
struct ParsedRequest: Hashable, CustomStringConvertible {
    var method: String
    var target: String
    var headers: [String]
    var body: String
    var isKeepAlive: Bool

    var description: String { "\(method) \(target) \(headers) \(body.debugDescription) keepAlive: \(isKeepAlive)" }
}

struct ParseOutcome: Hashable {
    var requests: [ParsedRequest] = []
    var error: HTTPParseError?
    /// Bytes that belong to no complete request.
    var rest = 0
}

/// Parses `pieces` as a connection would: leftover bytes are parsed again together with the next piece.
func parse(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> ParseOutcome {
    var outcome = ParseOutcome()
    var parser = HTTPRequestParser(limits: limits)
    var buffer = ByteBuffer()
    var current: (head: HTTPParsedHead, body: ByteBuffer)?
    var decoder = HTTPChunkedDecoder(limits: limits)

    func finish() {
        guard let done = current.take() else { return }
        outcome.requests.append(
            ParsedRequest(
                method: done.head.head.method.rawValue,
                target: done.head.head.target,
                headers: done.head.head.headers.map { "\($0.name): \($0.value)" },
                body: String(buffer: done.body),
                isKeepAlive: done.head.isKeepAlive
            )
        )
    }

    func step() throws(HTTPParseError) -> Bool {
        guard let (head, soFar) = current else {
            guard let head = try parser.parseHead(&buffer) else { return false }
            current = (head, ByteBuffer())
            if head.framing == .chunked { decoder = HTTPChunkedDecoder(limits: limits) }
            if head.framing == .none { finish() }
            return true
        }
        var body = soFar
        switch head.framing {
        case .none: return false
        case .length(let length):
            guard var bytes = buffer.readSlice(length: min(length - body.readableBytes, buffer.readableBytes)),
                bytes.readableBytes > 0
            else { return false }
            body.writeBuffer(&bytes)
            current = (head, body)
            if body.readableBytes == length { finish() }
        case .chunked:
            switch try decoder.next(&buffer) {
            case .needsMore: return false
            case .end: finish()
            case .bytes(var bytes):
                body.writeBuffer(&bytes)
                current = (head, body)
            }
        }
        return true
    }

    for piece in pieces {
        buffer.writeBytes(piece)
        do throws(HTTPParseError) {
            while try step() {}
        } catch {
            outcome.error = error
            return outcome
        }
        buffer.discardReadBytes()
    }
    outcome.rest = buffer.readableBytes
    return outcome
}

func parse(_ text: String, limits: HTTPLimits = HTTPLimits()) -> ParseOutcome {
    parse([Array(text.utf8)], limits: limits)
}

/// Cuts `bytes` at random places.
func split(_ bytes: [UInt8], using random: inout some RandomNumberGenerator) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...max(1, bytes.count / 3), using: &random))
        pieces.append(Array(bytes[start..<end]))
        start = end
    }
    return pieces
}
