package import SwerveMetrics

/// Memory for metrics that a test watches: it writes over the bytes when it is freed, so that who still counts there is
/// found out by what it then reads.
package final class MetricBytes: @unchecked Sendable {
    // Unchecked: only hands out the pointer.
    private static let words = 4096
    private static let definitionBytes = 1 << 14
    private let bytes: UnsafeMutableRawBufferPointer

    package init() {
        let count = MetricMemory.size(words: Self.words, definitionBytes: Self.definitionBytes)
        bytes = .allocate(byteCount: count, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        bytes.initializeMemory(as: UInt8.self, repeating: 0xA5)
        bytes.deallocate()
    }

    /// It holds this object.
    package var memory: MetricMemory {
        MetricMemory(bytes.baseAddress!, words: Self.words, definitionBytes: Self.definitionBytes, owner: self)
    }
}
