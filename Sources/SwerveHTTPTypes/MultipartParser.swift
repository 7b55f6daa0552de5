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
        guard take(delimiter[2...]) else { throw malformed("it does not begin with its boundary") }
        var parts: [MultipartForm.Part] = []
        while !take(MultipartParser.dashes) {
            guard take(MultipartParser.lineEnd) else { throw malformed("a boundary is not followed by a line end") }
            guard parts.count < limits.maximumParts else {
                throw ServeHTTPError(.contentTooLarge, "multipart form: more than \(limits.maximumParts) parts")
            }
            parts.append(try part())
        }
        _ = take(MultipartParser.lineEnd)
        guard at == view.endIndex else { throw malformed("something follows the last boundary") }
        return parts
    }

    private mutating func part() throws(ServeHTTPError) -> MultipartForm.Part {
        var name: String?
        var filename: String?
        var contentType: String?
        for (field, value) in try headerLines() {
            switch field {
            case "content-disposition":
                guard name == nil else { throw malformed("a part has two content dispositions") }
                let (kind, parameters) = try MultipartHeaders.valueAndParameters(value, of: field)
                let names = parameters.filter { $0.name == "name" }
                let filenames = parameters.filter { $0.name == "filename" }
                guard kind == "form-data", names.count == 1, filenames.count <= 1 else {
                    throw malformed("a part's content disposition is not form-data with a name")
                }
                name = names[0].value
                filename = filenames.first?.value
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
        guard let name else { throw malformed("a part has no name") }
        let start = at
        guard let end = nextDelimiter() else { throw malformed("a part has no end") }
        at = end + delimiter.count
        guard let body = bytes.getSlice(at: start, length: end - start) else { throw malformed("a part has no end") }
        return MultipartForm.Part(name: name, filename: filename, contentType: contentType, body: body)
    }

    /// The header lines up to the empty one, with names in lower case.
    private mutating func headerLines() throws(ServeHTTPError) -> [(name: String, value: String)] {
        let limit = min(view.endIndex, at + max(0, limits.maximumHeaderBytes))
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

    /// Where the next delimiter begins, with its line end.
    private func nextDelimiter() -> Int? {
        view.withUnsafeBytes { all -> Int? in
            let base = view.startIndex
            var from = at - base
            let count = delimiter.count
            while from <= all.count - count {
                // Almost no byte of a picture is a CR, so look for that first.
                guard let found = all[from...].firstIndex(of: 0x0D), found <= all.count - count else { return nil }
                if all[found..<(found + count)].elementsEqual(delimiter) { return base + found }
                from = found + 1
            }
            return nil
        }
    }

    private mutating func take(_ expected: some Collection<UInt8>) -> Bool {
        guard view[at...].starts(with: expected) else { return false }
        at += expected.count
        return true
    }

    private func malformed(_ what: String) -> ServeHTTPError {
        ServeHTTPError(.badRequest, "multipart form: \(what)")
    }
}
