internal import DequeModule

/// How far the writer of an encoded stream may be ahead of its reader: in elements and in bytes. Pure.
package struct StreamCredit: Sendable {
    private let maxElements: Int
    private let maxBytes: Int
    /// The bytes of each element that the reader has not taken, in order.
    private var ahead = Deque<Int>()
    /// How much the reader has taken of the first of them.
    private var taken = 0
    private(set) var bytes = 0

    package init(maxElements: Int, maxBytes: Int) {
        self.maxElements = max(1, maxElements)
        self.maxBytes = max(1, maxBytes)
    }

    /// Whether another element may be written. One element may exceed the bytes, so that a large one does not wait for
    /// ever.
    package var hasRoom: Bool { ahead.count < maxElements && bytes < maxBytes }

    /// Whether so little is left that waiting writers should continue.
    package var isLow: Bool { ahead.count <= maxElements / 2 && bytes <= maxBytes / 2 }

    package mutating func wrote(_ bytes: Int) {
        ahead.append(bytes)
        self.bytes += bytes
    }

    /// The reader took this many bytes.
    package mutating func took(_ bytes: Int) {
        let bytes = min(bytes, self.bytes)
        self.bytes -= bytes
        taken += bytes
        while let first = ahead.first, taken >= first {
            ahead.removeFirst()
            taken -= first
        }
    }

    package var elements: Int { ahead.count }
}
