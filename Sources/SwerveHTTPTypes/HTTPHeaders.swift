package import NIOCore

/// The header fields of a response, in the order in which they were added.
///
/// Names are compared without regard to case. Names and values are checked when the response is sent. A field that
/// could change the meaning of what is on the wire (a line break, a control character, a name that is not a token)
/// fails the response with ``HTTPHeaderError``, and the client sees status 500.
public struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral, CustomStringConvertible {
    /// One field.
    public struct Field: Hashable, Sendable {
        public var name: String
        public var value: String
    }

    package private(set) var fields: [Field]

    public init() {
        self.fields = []
    }

    /// Keeps repeated names, in the given order.
    public init(_ fields: [(name: String, value: String)]) {
        self.fields = fields.map { Field(name: $0.name, value: $0.value) }
    }

    public init(dictionaryLiteral elements: (String, String)...) {
        self.fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    public var description: String { fields.map { "\($0.name): \($0.value)" }.joined(separator: ", ") }

    /// The first value of the field with that name. Setting it replaces every field with that name; `nil` removes them.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name.isSameHeaderName(as: name) }?.value }
        set {
            if let newValue { replace(name, newValue) } else { remove(name) }
        }
    }

    /// Every value of the fields with that name.
    public func values(of name: String) -> [String] {
        fields.filter { $0.name.isSameHeaderName(as: name) }.map(\.value)
    }

    public func contains(_ name: String) -> Bool {
        fields.contains { $0.name.isSameHeaderName(as: name) }
    }

    /// Adds a field, even if there is already one with that name (as for `set-cookie`).
    public mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Replaces all fields with that name with one.
    public mutating func replace(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    public mutating func remove(_ name: String) {
        fields.removeAll { $0.name.isSameHeaderName(as: name) }
    }
}

extension HTTPHeaders: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { fields.count }
    public subscript(position: Int) -> Field { fields[position] }
}

/// A header of a response that must not go on the wire.
public struct HTTPHeaderError: Error, Hashable, Sendable, CustomStringConvertible {
    public var name: String
    public var reason: String

    package init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    public var description: String { "the response header '\(name)' \(reason)" }
}

extension HTTPHeaders {
    /// The names that are left out on the wire: the server writes them itself, or they concern one hop only.
    package static let serverOwnedNames: [String] = [
        "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer",
        "upgrade", "date", "x-request-id",
    ]

    /// Writes `name: value` lines, without the fields that the server owns.
    ///
    /// - Throws: ``HTTPHeaderError`` for a field that could change the framing; `buffer` is then unchanged.
    package func encodeBlock(into buffer: inout ByteBuffer) throws(HTTPHeaderError) {
        let start = buffer.writerIndex
        buffer.reserveCapacity(
            minimumWritableBytes: fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        )
        for field in fields {
            if let reason = Self.problem(name: field.name, value: field.value) {
                buffer.moveWriterIndex(to: start)
                throw HTTPHeaderError(name: field.name, reason: reason)
            }
            if Self.isServerOwned(field.name) { continue }
            buffer.writeString(field.name)
            buffer.writeStaticString(": ")
            buffer.writeString(field.value)
            buffer.writeStaticString("\r\n")
        }
    }

    /// The lengths of ``serverOwnedNames``, as bits: most other names have another one.
    private static let serverOwnedLengths = serverOwnedNames.reduce(into: UInt64(0)) { $0 |= 1 << $1.utf8.count }

    private static func isServerOwned(_ name: String) -> Bool {
        let length = name.utf8.count
        guard length < 64, serverOwnedLengths & 1 << length != 0 else { return false }
        return serverOwnedNames.contains { $0.utf8.count == length && name.isSameHeaderName(as: $0) }
    }

    /// Why a field must not go on the wire; `nil` if it may.
    package static func problem(name: String, value: String) -> String? {
        if name.isEmpty || !name.hasOnly(HTTPBytes.isToken) { return "has a name that is not a token" }
        if !value.hasOnly(HTTPBytes.isFieldValue) { return "has a control character in its value" }
        return nil
    }
}

extension String {
    /// Whether both are the same, ignoring the case of ASCII letters.
    package func isSameHeaderName(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return utf8.elementsEqual(other.utf8) { HTTPBytes.lowercased($0) == HTTPBytes.lowercased($1) }
    }

    /// Whether all bytes pass the test. Strings are nearly always contiguous in memory, where this costs far less.
    @inline(__always)
    fileprivate func hasOnly(_ test: (UInt8) -> Bool) -> Bool {
        utf8.withContiguousStorageIfAvailable { $0.allSatisfy(test) } ?? utf8.allSatisfy(test)
    }
}
