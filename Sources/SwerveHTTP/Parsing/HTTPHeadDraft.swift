internal import SwerveHTTPTypes

/// What is known so far about a head that has not arrived completely. Offsets count from the head's first byte.
struct HTTPHeadDraft: Sendable {
    enum Step {
        case incomplete
        /// The head is complete. Its lines are this long, without the empty line.
        case complete(Int)
        case failed(HTTPParseError)
    }

    static let maximumEmptyLines = 4

    var layout = HTTPRequestHead.Layout(
        methodLength: 0,
        targetStart: 0,
        targetEnd: 0,
        pathStart: 0,
        pathEnd: 0,
        headersStart: 0
    )
    var isHead = false
    var isHTTP10 = false
    /// The time that the client allows for the request, in nanoseconds; 0 if it set none.
    var timeout: Int64 = 0
    var hasUpgrade = false
    var hasContentEncoding = false
    /// Which headers with attributes of the request there are.
    var attributes: HTTPAttributeHeaders = []
    var expectsContinue = false
    var requestIDStart = 0
    var requestIDEnd = 0
    /// Bytes before this offset need not be searched for line ends again.
    var scanned = 0
    var emptyLines = 0

    var lineStart = 0
    private var headerCount = 0
    var hostCount = 0
    var contentLength = -1
    var isChunked = false
    var saysClose = false
    var saysKeepAlive = false

    var flags: HTTPRequestHead.Flags {
        HTTPRequestHead.Flags(
            isHTTP10: isHTTP10,
            hasUpgrade: hasUpgrade,
            hasContentEncoding: hasContentEncoding,
            hasAttributes: !attributes.isEmpty
        )
    }

    var isKeepAlive: Bool { !saysClose && (!isHTTP10 || saysKeepAlive) }

    /// Parses the lines that are complete in `bytes`.
    mutating func advance(_ bytes: UnsafeRawBufferPointer, limits: HTTPLimits) -> Step {
        while true {
            let inRequestLine = layout.headersStart == 0
            // " HTTP/1.1" and CRLF are 11 bytes, the space before the target is one.
            let longest =
                inRequestLine
                ? min(limits.maxHeadBytes, limits.maxTargetBytes + HTTPLimits.maxMethodBytes + 12)
                : limits.maxHeadBytes
            let end: Int
            switch HTTPLineScanner.lineEnd(bytes, from: scanned, limit: min(bytes.count, longest)) {
            case .failed(let error): return .failed(error)
            case .incomplete(let position):
                scanned = position
                guard bytes.count > longest else { return .incomplete }
                return .failed(inRequestLine ? .targetTooLong : .headTooLarge)
            case .found(let position): end = position
            }
            if inRequestLine {
                if let error = requestLine(bytes, end: end, limits: limits) { return .failed(error) }
            } else if end == lineStart {
                return .complete(end)
            } else {
                headerCount += 1
                if headerCount > limits.maxHeaderCount { return .failed(.tooManyHeaders) }
                if let error = headerLine(bytes, end: end) { return .failed(error) }
            }
            lineStart = end + 2
            scanned = lineStart
        }
    }

    /// How the content is framed, once all lines are known.
    func framing(limits: HTTPLimits) throws(HTTPParseError) -> HTTPBodyFraming {
        if hostCount == 0, !isHTTP10 { throw .missingHost }
        if isChunked {
            if contentLength >= 0 { throw .lengthAndEncoding }
            if isHTTP10 { throw .encodingInHTTP10 }
            return .chunked
        }
        if contentLength > limits.maxBodyBytes { throw .bodyTooLarge }
        return contentLength > 0 ? .length(contentLength) : .none
    }

    // MARK: - The request line

    private mutating func requestLine(
        _ bytes: UnsafeRawBufferPointer,
        end: Int,
        limits: HTTPLimits
    ) -> HTTPParseError? {
        let method = HTTPBytes.tokenEnd(bytes, from: 0, to: end)
        guard method > 0, method < end, bytes[method] == 0x20 else { return .badMethod }
        guard method <= HTTPLimits.maxMethodBytes else { return .methodTooLong }
        let targetStart = method + 1
        var target = targetStart
        var query = -1
        while target < end, HTTPBytes.isTarget(bytes[target]) {
            if bytes[target] == UInt8(ascii: "?"), query < 0 { query = target }
            target &+= 1
        }
        guard target < end, bytes[target] == 0x20 else {
            // A line without a version is HTTP/0.9 or nonsense.
            return target == end ? .badRequestLine : .badTarget
        }
        guard target > targetStart else { return .badTarget }
        if let error = version(bytes, start: target + 1, end: end) { return error }
        guard target - targetStart <= limits.maxTargetBytes else { return .targetTooLong }
        layout.methodLength = UInt32(method)
        layout.targetStart = UInt32(targetStart)
        layout.targetEnd = UInt32(target)
        layout.pathEnd = UInt32(query < 0 ? target : query)
        layout.headersStart = UInt32(end + 2)
        isHead = matches(bytes, 0, method, "HEAD")
        return path(bytes, method: method, start: targetStart, end: target)
    }

    private mutating func version(_ bytes: UnsafeRawBufferPointer, start: Int, end: Int) -> HTTPParseError? {
        guard end - start == 8, bytes[start] == UInt8(ascii: "H"), bytes[start + 1] == UInt8(ascii: "T"),
            bytes[start + 2] == UInt8(ascii: "T"), bytes[start + 3] == UInt8(ascii: "P"),
            bytes[start + 4] == UInt8(ascii: "/"), bytes[start + 6] == UInt8(ascii: "."),
            bytes[start + 5] &- 0x30 < 10, bytes[start + 7] &- 0x30 < 10
        else { return .badRequestLine }
        guard bytes[start + 5] == UInt8(ascii: "1"), bytes[start + 7] <= UInt8(ascii: "1") else {
            return .unknownVersion
        }
        if bytes[start + 7] == UInt8(ascii: "0") { isHTTP10 = true }
        return nil
    }

    /// Finds the path in the target. The origin form is a path, the absolute form contains one, `*` stands for itself.
    private mutating func path(
        _ bytes: UnsafeRawBufferPointer,
        method: Int,
        start: Int,
        end: Int
    ) -> HTTPParseError? {
        layout.pathStart = UInt32(start)
        if matches(bytes, 0, method, "CONNECT") { return .connectMethod }
        if bytes[start] == UInt8(ascii: "/") { return nil }
        if end - start == 1, bytes[start] == UInt8(ascii: "*") {
            return matches(bytes, 0, method, "OPTIONS") ? nil : .badTarget
        }
        let authority: Int
        if end - start > 7, HTTPLineScanner.equals(bytes, start, start + 7, "http://") {
            authority = start + 7
        } else if end - start > 8, HTTPLineScanner.equals(bytes, start, start + 8, "https://") {
            authority = start + 8
        } else {
            return .badTarget
        }
        var slash = authority
        while slash < Int(layout.pathEnd), bytes[slash] != UInt8(ascii: "/") { slash += 1 }
        guard slash > authority, Self.isHost(bytes, authority, slash) else { return .badTarget }
        layout.pathStart = UInt32(slash)
        return nil
    }

    /// Whether the bytes are exactly `text`. Methods are case-sensitive (RFC 9110, section 9.1).
    private func matches(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ text: StaticString) -> Bool {
        guard end - start == text.utf8CodeUnitCount else { return false }
        for offset in 0..<(end - start) where bytes[start + offset] != text.utf8Start[offset] { return false }
        return true
    }
}
