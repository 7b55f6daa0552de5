internal import NIOCore

/// Reads the parts of a form from front to back, each byte once.
struct MultipartParser {
    private let bytes: ByteBuffer
    private let view: ByteBufferView
    /// CR LF, two dashes and the boundary.
    private let delimiter: [UInt8]
    private let limits: MultipartLimits
    /// The current index in the view.
    private var at: Int

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]
    private static let dashes = Array("--".utf8)

    init(_ bytes: ByteBuffer, boundary: String, limits: MultipartLimits) {
        self.bytes = bytes
        self.limits = limits
        view = bytes.readableBytesView
        at = view.startIndex
        delimiter = MultipartParser.lineEnd + MultipartParser.dashes + Array(boundary.utf8)
    }

    mutating func parse() throws(ServeHTTPError) -> [MultipartForm.Part] {
        guard var delimiter = firstDelimiter() else {
            throw malformed("it has no line that begins with its boundary")
        }
        var parts: [MultipartForm.Part] = []
        // What follows the last delimiter, the epilogue, means nothing (RFC 2046, section 5.1.1).
        while !delimiter.isLast {
            guard parts.count < limits.maximumParts else {
                throw ServeHTTPError(.contentTooLarge, "multipart form: more than \(limits.maximumParts) parts")
            }
            at = delimiter.end
            let (part, next) = try part()
            parts.append(part)
            delimiter = next
        }
        return parts
    }

    private mutating func part() throws(ServeHTTPError) -> (MultipartForm.Part, next: Delimiter) {
        var disposition: (name: String, filename: String?)?
        var contentType: String?
        for (field, value) in try headerLines() {
            switch field {
            case "content-disposition":
                guard disposition == nil else { throw malformed("a part has two content dispositions") }
                disposition = try MultipartHeaders.disposition(value)
            case "content-type":
                guard contentType == nil else { throw malformed("a part has two content types") }
                contentType = value
            case "content-transfer-encoding":
                guard ["binary", "7bit", "8bit"].contains(value.lowercased()) else {
                    throw malformed("the transfer encoding '\(value.prefix(40))' is not accepted")
                }
            default: break
            }
        }
        guard let disposition else { throw malformed("a part has no name") }
        // The empty line behind the headers may be the one that belongs to the next delimiter.
        guard let next = nextDelimiter(from: at - Self.lineEnd.count),
            let body = bytes.getSlice(at: at, length: max(0, next.start - at))
        else { throw malformed("a part has no end") }
        let part = MultipartForm.Part(
            name: disposition.name,
            filename: disposition.filename,
            contentType: contentType,
            body: body
        )
        return (part, next)
    }

    /// The header lines up to the empty one, with names in lower case.
    private mutating func headerLines() throws(ServeHTTPError) -> [(name: String, value: String)] {
        let limit = at + min(max(0, limits.maximumHeaderBytes), view.endIndex - at)
        var lines: [(name: String, value: String)] = []
        while true {
            guard let end = view[at..<limit].firstIndex(of: 0x0A) else {
                guard limit == view.endIndex else {
                    throw ServeHTTPError(
                        .contentTooLarge,
                        "multipart form: a part's headers take more than \(limits.maximumHeaderBytes) bytes"
                    )
                }
                throw malformed("a part's headers have no end")
            }
            guard end > at, view[end - 1] == 0x0D else { throw malformed("a header line does not end in CR LF") }
            let line = view[at..<(end - 1)]
            at = end + 1
            if line.isEmpty { return lines }
            guard lines.count < limits.maximumHeaders else {
                throw ServeHTTPError(
                    .contentTooLarge,
                    "multipart form: a part has over \(limits.maximumHeaders) headers"
                )
            }
            lines.append(try MultipartHeaders.field(line))
        }
    }

    // MARK: - Delimiters

    private struct Delimiter {
        /// Where it begins, with the line end before it.
        let start: Int
        /// Where the part behind it begins.
        let end: Int
        let isLast: Bool
    }

    /// The first delimiter. What comes before it, the preamble, means nothing.
    private func firstDelimiter() -> Delimiter? {
        if view.starts(with: delimiter[2...]), let first = delimiter(at: view.startIndex - 2) { return first }
        return nextDelimiter(from: view.startIndex)
    }

    /// The first delimiter from an index on. A line that merely begins like one is content.
    private func nextDelimiter(from index: Int) -> Delimiter? {
        view.withUnsafeBytes { all -> Delimiter? in
            let base = view.startIndex
            var from = index - base
            let count = delimiter.count
            while from <= all.count - count {
                // Almost no byte of a picture is a CR, so look for that first.
                guard let found = all[from...].firstIndex(of: 0x0D), found <= all.count - count else { return nil }
                if all[found..<(found + count)].elementsEqual(delimiter), let found = delimiter(at: base + found) {
                    return found
                }
                from = found + 1
            }
            return nil
        }
    }

    /// The delimiter that begins at an index, if its line ends like one: with two dashes, or with a line end that blanks
    /// may precede (RFC 2046: transport padding).
    private func delimiter(at start: Int) -> Delimiter? {
        let rest = view[(start + delimiter.count)...]
        if rest.starts(with: Self.dashes) { return Delimiter(start: start, end: rest.startIndex, isLast: true) }
        let line = rest.drop { $0 == 0x20 || $0 == 0x09 }
        guard line.starts(with: Self.lineEnd) else { return nil }
        return Delimiter(start: start, end: line.startIndex + Self.lineEnd.count, isLast: false)
    }

    private func malformed(_ what: String) -> ServeHTTPError {
        ServeHTTPError(.badRequest, "multipart form: \(what)")
    }
}
