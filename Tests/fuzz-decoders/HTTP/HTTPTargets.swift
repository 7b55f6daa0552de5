import NIOCore
import SwerveHTTP
import SwerveHTTPTypes

/// The parsers of HTTP/1.1 requests, each run on the whole input and on the input in pieces.
enum HTTPTargets {
    /// Limits small enough for the inputs to reach.
    static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.maxHeadBytes = 2048
        limits.maxTargetBytes = 256
        limits.maxHeaderCount = 16
        limits.maxBodyBytes = 4096
        limits.maxChunkLineBytes = 64
        limits.maxTrailerBytes = 256
        return limits
    }

    /// Parses consecutive requests: heads and their content.
    static func requests(_ input: UnsafeBufferPointer<UInt8>, round: Int) throws -> String {
        var random = SeededGenerator(seed: UInt64(round))
        var whole = RequestRun()
        whole.feed(ByteBuffer(bytes: input))
        var split = RequestRun()
        for piece in pieces(input, using: &random) { split.feed(piece) }
        guard whole.requests == split.requests, whole.error == split.error, whole.rest == split.rest else {
            throw WrongResult(message: "in pieces \(split), but whole \(whole)")
        }
        if let wrong = whole.wrong ?? split.wrong { throw WrongResult(message: wrong) }
        if let error = whole.error { return "\(error.status)" }
        return whole.requests.isEmpty ? "incomplete" : "accepted"
    }

    /// Decodes the content of one chunked request.
    static func chunks(_ input: UnsafeBufferPointer<UInt8>, round: Int) throws -> String {
        var random = SeededGenerator(seed: UInt64(round))
        let whole = try decode([ByteBuffer(bytes: input)], upTo: { .max })
        guard whole.buffers <= 24 else { throw WrongResult(message: "\(whole.buffers) buffers out of one read") }
        let split = try decode(pieces(input, using: &random), upTo: { .max })
        let slow = try decode(pieces(input, using: &random)) { Int.random(in: 1...50, using: &random) }
        guard whole.isSame(as: split), whole.isSame(as: slow) else {
            throw WrongResult(message: "in pieces \(split), slowly \(slow), but whole \(whole)")
        }
        guard whole.content.readableBytes <= min(input.count, limits.maxBodyBytes) else {
            throw WrongResult(message: "\(whole.content.readableBytes) bytes out of \(input.count)")
        }
        if let error = whole.error { return "\(error.status)" }
        return whole.isEnded ? "accepted" : "incomplete"
    }

    private struct Decoded {
        var content = ByteBuffer()
        var buffers = 0
        var isEnded = false
        var error: HTTPParseError?
        var rest = 0

        func isSame(as other: Decoded) -> Bool {
            content == other.content && isEnded == other.isEnded && error == other.error
                && (error != nil || rest == other.rest)
        }
    }

    private static func decode(_ pieces: [ByteBuffer], upTo most: () -> Int) throws -> Decoded {
        var decoder = HTTPChunkedDecoder(limits: limits)
        var result = Decoded()
        var buffer = ByteBuffer()
        for piece in pieces {
            buffer.writeImmutableBuffer(piece)
            if result.isEnded { continue }
            do throws(HTTPParseError) {
                reading: while true {
                    let limit = most()
                    switch try decoder.next(&buffer, upTo: limit) {
                    case .needsMore: break reading
                    case .end:
                        result.isEnded = true
                        break reading
                    case .bytes(let bytes):
                        result.buffers += 1
                        result.content.writeImmutableBuffer(bytes)
                        guard (1...limit).contains(bytes.readableBytes) else {
                            result.rest = -bytes.readableBytes
                            break reading
                        }
                    }
                }
            } catch {
                result.error = error
                break
            }
            if result.rest < 0 { throw WrongResult(message: "a part has \(-result.rest) bytes") }
        }
        result.rest = buffer.readableBytes
        return result
    }

    /// Cuts the input at random places, mostly into a few pieces, sometimes into pieces of one or two bytes.
    static func pieces(
        _ input: UnsafeBufferPointer<UInt8>,
        using random: inout SeededGenerator
    ) -> [ByteBuffer] {
        let isTiny = Int.random(in: 0..<4, using: &random) == 0 && input.count < 4000
        let largest = isTiny ? 2 : max(1, input.count / 2)
        var pieces: [ByteBuffer] = []
        var start = 0
        while start < input.count {
            let end = min(input.count, start + Int.random(in: 1...largest, using: &random))
            pieces.append(ByteBuffer(bytes: UnsafeBufferPointer(rebasing: input[start..<end])))
            start = end
        }
        return pieces
    }
}

/// Parses requests like a connection, and reads every property of their heads.
private struct RequestRun {
    private(set) var requests: [String] = []
    private(set) var error: HTTPParseError?
    /// A contradiction that was found.
    private(set) var wrong: String?
    private var parser = HTTPRequestParser(limits: HTTPTargets.limits)
    private var decoder = HTTPChunkedDecoder(limits: HTTPTargets.limits)
    private var buffer = ByteBuffer()
    private var framing: HTTPBodyFraming?
    private var content = 0

    var rest: Int { error == nil ? buffer.readableBytes : 0 }

    mutating func feed(_ piece: ByteBuffer) {
        guard error == nil else { return }
        buffer.writeImmutableBuffer(piece)
        do throws(HTTPParseError) {
            while try step() {}
        } catch {
            self.error = error
        }
    }

    private mutating func step() throws(HTTPParseError) -> Bool {
        switch framing {
        case nil:
            guard let head = try parser.parseHead(&buffer) else { return false }
            look(at: head)
            framing = head.framing
            decoder = HTTPChunkedDecoder(limits: HTTPTargets.limits)
            content = 0
        case .some(.none): end()
        case .length(let length):
            guard buffer.readableBytes >= length else { return false }
            buffer.moveReaderIndex(forwardBy: length)
            content = length
            end()
        case .chunked:
            switch try decoder.next(&buffer) {
            case .needsMore: return false
            case .bytes(let bytes): content += bytes.readableBytes
            case .end: end()
            }
        }
        return true
    }

    private mutating func end() {
        requests.append("\(content) bytes")
        if content > HTTPTargets.limits.maxBodyBytes { wrong = "content of \(content) bytes" }
        framing = nil
    }

    private mutating func look(at parsed: HTTPParsedHead) {
        let head = parsed.head
        requests.append("\(head.method) \(head.target) \(parsed.framing) \(parsed.isKeepAlive)")
        if !head.layout.fits(head.bytes.readableBytes) { wrong = "the offsets \(head.layout) do not fit" }
        if parsed.isHead != (head.method == .head) { wrong = "\(head.method) is confused with HEAD" }
        let headers = head.headers
        let count = headers.reduce(0) { $0 + ($1.name.isEmpty ? 1000 : 1) }
        if count > HTTPTargets.limits.maxHeaderCount { wrong = "\(count) headers" }
        if parsed.framing == .chunked, headers.values(of: "Transfer-Encoding").count != 1 {
            wrong = "chunked without a transfer-encoding"
        }
        if case .length(let length) = parsed.framing, headers["content-LENGTH"].flatMap(Int.init) != length {
            wrong = "a length of \(length)"
        }
        let request = ServeRequest(head: head, body: .empty)
        requests.append("\(request.decodedPath) \(request.queryItems) \(headers)")
        var encoded = ByteBuffer()
        head.encode(into: &encoded)
        let isRead = (try? HTTPRequestHead.decode(from: &encoded))?.bytes == head.bytes
        if !isRead || encoded.readableBytes > 0 { wrong = "the head cannot be decoded again" }
    }
}
