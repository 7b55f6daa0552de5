internal import SwerveCore

/// The headers that say something about a request's way.
struct HTTPAttributeHeaders: OptionSet, Sendable {
    let rawValue: UInt8
    static let priority = HTTPAttributeHeaders(rawValue: 1)
    static let session = HTTPAttributeHeaders(rawValue: 2)
    static let model = HTTPAttributeHeaders(rawValue: 4)
    /// A malformed one has no effect, as W3C Trace Context demands, so it is read later.
    static let trace = HTTPAttributeHeaders(rawValue: 8)
}

extension HTTPHeadDraft {
    /// Parses a header line and keeps what matters to the connection.
    mutating func headerLine(_ bytes: UnsafeRawBufferPointer, end: Int) -> HTTPParseError? {
        let field: HTTPLineScanner.Field
        switch HTTPLineScanner.field(bytes, start: lineStart, end: end) {
        case .failure(let error): return error
        case .success(let found): field = found
        }
        // Few names matter here, and most differ in length.
        switch field.colon &- lineStart {
        case 4 where named(bytes, field, "host"): return host(bytes, field)
        case 6 where named(bytes, field, "expect"): return expect(bytes, field)
        case 7 where named(bytes, field, "upgrade"): hasUpgrade = true
        case 10 where named(bytes, field, "connection"): connection(bytes, field)
        case 11 where named(bytes, field, "traceparent"): attributes.insert(.trace)
        case 12 where named(bytes, field, "x-request-id"): requestID(bytes, field)
        case 12 where named(bytes, field, "x-session-id"): return attribute(.session, bytes, field)
        case 14 where named(bytes, field, "content-length"): return contentLength(bytes, field)
        case 16 where named(bytes, field, "content-encoding"): hasContentEncoding = true
        case 17 where named(bytes, field, "transfer-encoding"): return transferEncoding(bytes, field)
        case 18 where named(bytes, field, "x-request-priority"): return attribute(.priority, bytes, field)
        case 25 where named(bytes, field, "x-request-timeout-seconds"): return timeout(bytes, field)
        case 26
        where named(bytes, field, "serve-multiplexed-model-id") || named(bytes, field, "serve_multiplexed_model_id"):
            return attribute(.model, bytes, field)
        default: break
        }
        return nil
    }

    private func named(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field, _ name: StaticString) -> Bool {
        HTTPLineScanner.equals(bytes, lineStart, field.colon, name)
    }

    private mutating func host(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field) -> HTTPParseError? {
        hostCount += 1
        if hostCount > 1 { return .repeatedHost }
        return Self.isHost(bytes, field.valueStart, field.valueEnd) ? nil : .badHost
    }

    /// Whether the bytes could be a host and a port: registered name or address characters, no user information.
    static func isHost(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end {
            switch bytes[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"),
                UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="):
                continue
            default: return false
            }
        }
        return true
    }

    private mutating func expect(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field) -> HTTPParseError? {
        guard HTTPLineScanner.equals(bytes, field.valueStart, field.valueEnd, "100-continue") else {
            return .unknownExpectation
        }
        expectsContinue = true
        return nil
    }

    /// Reads the list of connection options. Only `close` and `keep-alive` matter here.
    private mutating func connection(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field) {
        var start = field.valueStart
        while start < field.valueEnd {
            var end = start
            while end < field.valueEnd, bytes[end] != UInt8(ascii: ",") { end += 1 }
            var low = start
            var high = end
            while low < high, HTTPLineScanner.isBlank(bytes[low]) { low += 1 }
            while low < high, HTTPLineScanner.isBlank(bytes[high - 1]) { high -= 1 }
            if HTTPLineScanner.equals(bytes, low, high, "close") { saysClose = true }
            if HTTPLineScanner.equals(bytes, low, high, "keep-alive") { saysKeepAlive = true }
            start = end + 1
        }
    }

    private mutating func requestID(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field) {
        let length = field.valueEnd - field.valueStart
        guard requestIDStart == 0, (1...128).contains(length) else { return }
        for index in field.valueStart..<field.valueEnd where bytes[index] <= 0x20 || bytes[index] >= 0x7F { return }
        requestIDStart = field.valueStart
        requestIDEnd = field.valueEnd
    }

    /// Checks a header that says something about the request's way. Its value is read later, if it is needed.
    private mutating func attribute(
        _ header: HTTPAttributeHeaders,
        _ bytes: UnsafeRawBufferPointer,
        _ field: HTTPLineScanner.Field
    ) -> HTTPParseError? {
        guard attributes.insert(header).inserted else { return .repeatedAttribute }
        let (start, end) = (field.valueStart, field.valueEnd)
        if header == .priority {
            let isKnown =
                HTTPLineScanner.equals(bytes, start, end, "low") || HTTPLineScanner.equals(bytes, start, end, "normal")
                || HTTPLineScanner.equals(bytes, start, end, "high")
            return isKnown ? nil : .badPriority
        }
        guard (1...RequestAttributes.maximumBytes).contains(end - start) else { return .badAttribute }
        for index in start..<end where bytes[index] < 0x20 || bytes[index] >= 0x7F { return .badAttribute }
        return nil
    }

    private mutating func contentLength(
        _ bytes: UnsafeRawBufferPointer,
        _ field: HTTPLineScanner.Field
    ) -> HTTPParseError? {
        if contentLength >= 0 { return .repeatedContentLength }
        // Eighteen digits fit in an Int; no honest request has more.
        guard (1...18).contains(field.valueEnd - field.valueStart), !Self.endsWithTab(bytes, field) else {
            return .badContentLength
        }
        var value = 0
        for index in field.valueStart..<field.valueEnd {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return .badContentLength }
            value = value &* 10 &+ Int(digit)
        }
        contentLength = value
        return nil
    }

    /// Reads seconds: up to nine digits, then optionally a point and up to nine more.
    private mutating func timeout(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field) -> HTTPParseError? {
        if timeout > 0 { return .repeatedTimeout }
        var index = field.valueStart
        let seconds = Self.digits(bytes, &index, field.valueEnd)
        guard (1...9).contains(seconds.count) else { return .badTimeout }
        timeout = seconds.value * 1_000_000_000
        if index < field.valueEnd, bytes[index] == UInt8(ascii: ".") {
            index += 1
            var fraction = Self.digits(bytes, &index, field.valueEnd)
            guard (1...9).contains(fraction.count) else { return .badTimeout }
            for _ in fraction.count..<9 { fraction.value *= 10 }
            timeout += fraction.value
        }
        return index == field.valueEnd && timeout > 0 ? nil : .badTimeout
    }

    /// Reads up to ten digits and moves `index` past them.
    private static func digits(
        _ bytes: UnsafeRawBufferPointer,
        _ index: inout Int,
        _ end: Int
    ) -> (value: Int64, count: Int) {
        var value: Int64 = 0
        let start = index
        while index < end, index - start < 10 {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value = value * 10 + Int64(digit)
            index += 1
        }
        return (value, index - start)
    }

    private mutating func transferEncoding(
        _ bytes: UnsafeRawBufferPointer,
        _ field: HTTPLineScanner.Field
    ) -> HTTPParseError? {
        if isChunked { return .repeatedEncoding }
        guard HTTPLineScanner.equals(bytes, field.valueStart, field.valueEnd, "chunked"),
            !Self.endsWithTab(bytes, field)
        else { return .unknownEncoding }
        isChunked = true
        return nil
    }

    /// Whether a tab follows the value. The standard counts it as white space, some servers as part of the value.
    private static func endsWithTab(_ bytes: UnsafeRawBufferPointer, _ field: HTTPLineScanner.Field) -> Bool {
        var index = field.valueEnd
        while bytes[index] == 0x20 { index += 1 }
        return bytes[index] == 0x09
    }
}
