/// Writes the lines of a response's head into memory reserved for all of them: one access to the buffer.
struct HeadWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        precondition(bytes.count <= memory.count - count, "the head is longer than the memory reserved for it")
        memory.baseAddress?.advanced(by: count).copyMemory(from: source, byteCount: bytes.count)
        count &+= bytes.count
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    mutating func write(decimal number: Int) {
        var digits = 1
        var value = number
        while value >= 10 {
            value /= 10
            digits += 1
        }
        precondition(digits <= memory.count - count, "the head is longer than the memory reserved for it")
        value = number
        for index in stride(from: count + digits - 1, through: count, by: -1) {
            memory[index] = UInt8(truncatingIfNeeded: value % 10) + UInt8(ascii: "0")
            value /= 10
        }
        count += digits
    }
}
