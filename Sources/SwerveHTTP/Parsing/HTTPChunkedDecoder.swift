package import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

/// What a body decoder found in the bytes that have arrived.
package enum HTTPBodyPart: Hashable, Sendable {
    /// Some of the content, not empty. It may share the input's memory.
    case bytes(ByteBuffer)
    /// The content has ended; the next request follows.
    case end
    case needsMore
}

/// A strict, incremental decoder of chunked content (RFC 9112, section 7.1). Extensions are checked and ignored,
/// trailers are checked and dropped. A refusal is final.
package struct HTTPChunkedDecoder: Sendable {
    private enum State: Sendable {
        /// In the line before a chunk; `scanned` bytes of it have been searched.
        case size(scanned: Int)
        case data(remaining: Int)
        case dataEnd
        /// In the lines after the last chunk.
        case trailers(scanned: Int)
        case over
    }

    private var state = State.size(scanned: 0)
    private var total = 0
    private var overhead = 0
    private var trailerBytes = 0
    private var trailerCount = 0
    private let limits: HTTPLimits

    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// What is at the front of the input.
    private enum Front {
        /// This many bytes of content.
        case content(Int)
        case end
        case needsMore
    }

    /// Takes the next part off the front of `buffer`, with at most `most` bytes of content. Gathers the content of all
    /// chunks that have arrived in one buffer, so that small chunks do not make many small buffers.
    package mutating func next(
        _ buffer: inout ByteBuffer,
        upTo most: Int = .max
    ) throws(HTTPParseError) -> HTTPBodyPart {
        var gathered = ByteBuffer()
        while true {
            let front: Front
            do throws(HTTPParseError) {
                front = try skipFraming(&buffer)
            } catch {
                // Return the content before the fault first. The next call finds the fault again.
                guard gathered.readableBytes == 0 else { return .bytes(gathered) }
                throw error
            }
            guard case .content(let available) = front, most > gathered.readableBytes else {
                if gathered.readableBytes > 0 { return .bytes(gathered) }
                if case .end = front { return .end }
                return .needsMore
            }
            let count = min(available, most - gathered.readableBytes)
            if gathered.readableBytes == 0 {
                // The piece is at least half of what has arrived: hand it over without a copy.
                if 2 * count >= buffer.readableBytes, let bytes = buffer.readSlice(length: count) {
                    took(count)
                    return .bytes(bytes)
                }
                gathered.reserveCapacity(min(most, buffer.readableBytes))
            }
            buffer.readWithUnsafeReadableBytes {
                gathered.writeBytes(UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
            took(count)
        }
    }

    private mutating func took(_ count: Int) {
        guard case .data(let remaining) = state else { return }
        state = remaining > count ? .data(remaining: remaining - count) : .dataEnd
    }

    /// Skips the framing at the front of `buffer`.
    private mutating func skipFraming(_ buffer: inout ByteBuffer) throws(HTTPParseError) -> Front {
        while true {
            switch state {
            case .size(let scanned):
                guard try readSize(&buffer, scanned: scanned) else { return .needsMore }
            case .data(let remaining):
                let available = min(remaining, buffer.readableBytes)
                return available > 0 ? .content(available) : .needsMore
            case .dataEnd:
                guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .needsMore }
                guard first == 0x0D else { throw .badChunkEnd }
                guard let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) else {
                    return .needsMore
                }
                guard second == 0x0A else { throw .badChunkEnd }
                buffer.moveReaderIndex(forwardBy: 2)
                state = .size(scanned: 0)
            case .trailers(let scanned):
                guard try readTrailer(&buffer, scanned: scanned) else { return .needsMore }
            case .over:
                return .end
            }
        }
    }

    private mutating func readSize(_ buffer: inout ByteBuffer, scanned: Int) throws(HTTPParseError) -> Bool {
        let longest = limits.maxChunkLineBytes
        let result = buffer.withUnsafeReadableBytes { bytes -> (HTTPLineScanner.LineEnd, Int?) in
            let end = HTTPLineScanner.lineEnd(bytes, from: scanned, limit: min(bytes.count, longest))
            guard case .found(let index) = end else { return (end, nil) }
            return (end, Self.chunkSize(bytes, end: index))
        }
        switch result.0 {
        case .failed(let error): throw error
        case .incomplete(let position):
            if buffer.readableBytes > longest { throw .chunkLineTooLong }
            state = .size(scanned: position)
            return false
        case .found(let end):
            guard let size = result.1 else { throw .badChunkLine }
            guard size <= limits.maxBodyBytes - total else { throw .bodyTooLarge }
            total += size
            overhead = max(0, overhead + end + 4 - 16 - 2 * size)
            if overhead > HTTPLimits.maxChunkOverhead { throw .chunkOverhead }
            buffer.moveReaderIndex(forwardBy: end + 2)
            state = size > 0 ? .data(remaining: size) : .trailers(scanned: 0)
            return true
        }
    }

    /// Reads `size *( ";" name [ "=" value ] )`; `nil` if the line is anything else.
    private static func chunkSize(_ bytes: UnsafeRawBufferPointer, end: Int) -> Int? {
        var index = 0
        var size = 0
        while index < end, let digit = HexDigit.value(bytes[index]) {
            // Fifteen digits fit in an Int.
            guard index < 15 else { return nil }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0 else { return nil }
        while index < end {
            guard bytes[index] == UInt8(ascii: ";"), let next = skipExtension(bytes, from: index + 1, end: end) else {
                return nil
            }
            index = next
        }
        return size
    }

    private static func skipExtension(_ bytes: UnsafeRawBufferPointer, from: Int, end: Int) -> Int? {
        func skipToken(_ from: Int) -> Int? {
            let index = HTTPBytes.tokenEnd(bytes, from: from, to: end)
            return index > from ? index : nil
        }
        guard let name = skipToken(from) else { return nil }
        guard name < end, bytes[name] == UInt8(ascii: "=") else { return name }
        guard name + 1 < end, bytes[name + 1] == UInt8(ascii: "\"") else { return skipToken(name + 1) }
        var index = name + 2
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: "\""): return index + 1
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    private mutating func readTrailer(_ buffer: inout ByteBuffer, scanned: Int) throws(HTTPParseError) -> Bool {
        let longest = limits.maxTrailerBytes - trailerBytes
        let result = buffer.withUnsafeReadableBytes { bytes -> (HTTPLineScanner.LineEnd, HTTPParseError?) in
            let end = HTTPLineScanner.lineEnd(bytes, from: scanned, limit: min(bytes.count, longest))
            guard case .found(let index) = end, index > 0 else { return (end, nil) }
            return (end, Self.trailerProblem(bytes, end: index))
        }
        switch result.0 {
        case .failed(let error): throw error
        case .incomplete(let position):
            if buffer.readableBytes > longest { throw .headTooLarge }
            state = .trailers(scanned: position)
            return false
        case .found(let end):
            if let error = result.1 { throw error }
            buffer.moveReaderIndex(forwardBy: end + 2)
            trailerBytes += end + 2
            trailerCount += 1
            state = end == 0 ? .over : .trailers(scanned: 0)
            if end > 0, trailerCount > limits.maxHeaderCount { throw .tooManyHeaders }
            return true
        }
    }

    private static func trailerProblem(_ bytes: UnsafeRawBufferPointer, end: Int) -> HTTPParseError? {
        switch HTTPLineScanner.field(bytes, start: 0, end: end) {
        case .failure(let error): return error
        case .success(let field):
            let forbidden: [StaticString] = ["content-length", "transfer-encoding", "host", "connection", "expect"]
            let isForbidden = forbidden.contains { HTTPLineScanner.equals(bytes, 0, field.colon, $0) }
            return isForbidden ? .badTrailer : nil
        }
    }
}
