internal import NIOCore

/// The header fields of a request. Names are compared without regard to case.
///
/// The fields are kept as the bytes that arrived. A lookup scans them and makes strings only of what it returns. A
/// value that is not UTF-8 is repaired.
public struct HTTPRequestHeaders: Sendable, Sequence, CustomStringConvertible {
    public typealias Element = (name: String, value: String)

    let head: HTTPRequestHead
    /// Whether the fields that describe coded content are left out.
    private let hidesCoding: Bool

    /// - Parameter asSent: whether to include the fields that describe content as it was coded.
    init(head: HTTPRequestHead, asSent: Bool = false) {
        self.head = head
        self.hidesCoding = head.flags.isContentDecoded && !asSent
    }

    /// The first value of the field with that name.
    public subscript(name: String) -> String? {
        var found: String?
        forEachLine { line in
            guard line.isNamed(name) else { return true }
            found = line.valueString
            return false
        }
        return found
    }

    /// Every value of the fields with that name, in order.
    public func values(of name: String) -> [String] {
        var found: [String] = []
        forEachLine { line in
            if line.isNamed(name) { found.append(line.valueString) }
            return true
        }
        return found
    }

    public func contains(_ name: String) -> Bool {
        var found = false
        forEachLine { line in
            found = line.isNamed(name)
            return !found
        }
        return found
    }

    /// All fields in order; makes strings of all of them.
    public func makeIterator() -> IndexingIterator<[Element]> {
        var all: [Element] = []
        forEachLine { line in
            all.append((name: line.nameString, value: line.valueString))
            return true
        }
        return all.makeIterator()
    }

    public var description: String { map { "\($0.name): \($0.value)" }.joined(separator: ", ") }

    /// Calls `body` with the value bytes of the first field with that name; `nil` if there is none.
    package func withValueBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        var result: Result?
        forEachLine { line in
            guard line.isNamed(name) else { return true }
            result = body(line.value)
            return false
        }
        return result
    }

    private func forEachLine(_ body: (HeaderLine) -> Bool) {
        head.bytes.withUnsafeReadableBytes { bytes in
            var start = Int(head.layout.headersStart)
            while start < bytes.count, let line = HeaderLine(bytes, from: &start) {
                if hidesCoding, line.isNamed("content-encoding") || line.isNamed("content-length") { continue }
                if !body(line) { return }
            }
        }
    }
}

/// One line of a checked header block.
private struct HeaderLine {
    let name: UnsafeRawBufferPointer
    let value: UnsafeRawBufferPointer

    /// Moves `start` past the line; `nil` if the bytes hold no whole line, which only a faulty peer can cause.
    init?(_ bytes: UnsafeRawBufferPointer, from start: inout Int) {
        var colon = start
        while colon < bytes.count, bytes[colon] != UInt8(ascii: ":") { colon += 1 }
        var end = colon
        while end < bytes.count, bytes[end] != UInt8(ascii: "\r") { end += 1 }
        guard end + 1 < bytes.count else { return nil }
        var low = colon + 1
        var high = end
        while low < high, Self.isBlank(bytes[low]) { low += 1 }
        while low < high, Self.isBlank(bytes[high - 1]) { high -= 1 }
        self.name = UnsafeRawBufferPointer(rebasing: bytes[start..<colon])
        self.value = UnsafeRawBufferPointer(rebasing: bytes[low..<high])
        start = end + 2
    }

    var nameString: String { String(decoding: name, as: UTF8.self) }
    var valueString: String { String(decoding: value, as: UTF8.self) }

    func isNamed(_ other: String) -> Bool {
        let other = other.utf8
        guard other.count == name.count else { return false }
        var index = 0
        for byte in other {
            if HTTPBytes.lowercased(byte) != HTTPBytes.lowercased(name[index]) { return false }
            index += 1
        }
        return true
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
