import NIOCore
import SwerveCore
import SwerveHTTPTypes
import Testing

@Suite struct ByteQueueTests {
    private func text(_ buffer: ByteBuffer?) -> String? { buffer.map { String(buffer: $0) } }

    @Test func `small neighbours are merged`() {
        var queue = ByteQueue()
        for word in ["ab", "", "c", "def"] { queue.append(ByteBuffer(string: word)) }
        #expect(queue.bytes == 6)
        #expect(queue.buffers == 1)
        #expect(text(queue.take()) == "abcdef")
        #expect(queue.isEmpty)
        #expect(queue.take() == nil)
    }

    @Test func `large buffers are kept as they are`() {
        var queue = ByteQueue()
        let large = ByteBuffer(repeating: 0x61, count: 100_000)
        queue.append(large)
        queue.append(large)
        #expect(queue.buffers == 2)
        #expect(queue.take() == large)
        #expect(queue.bytes == 100_000)
    }

    @Test func `merging does not change the buffer that was appended`() {
        var queue = ByteQueue()
        let first = ByteBuffer(string: "ab")
        queue.append(first)
        queue.append(ByteBuffer(string: "c"))
        #expect(text(first) == "ab")
    }

    @Test func `a part is taken only from the first buffer`() {
        var queue = ByteQueue()
        queue.append(ByteBuffer(repeating: 0x61, count: 5000))
        queue.append(ByteBuffer(repeating: 0x62, count: 5000))
        #expect(queue.take(upTo: 0) == nil)
        #expect(queue.take(upTo: 2000) == ByteBuffer(repeating: 0x61, count: 2000))
        #expect(queue.bytes == 8000)
        #expect(queue.take(upTo: 4000) == ByteBuffer(repeating: 0x61, count: 3000))
        #expect(queue.take(upTo: 5000) == ByteBuffer(repeating: 0x62, count: 5000))
        #expect(queue.take(upTo: 1) == nil)
        #expect(queue.isEmpty)
    }

    @Test func `removing everything leaves the queue empty`() {
        var queue = ByteQueue()
        queue.append(ByteBuffer(string: "ab"))
        queue.removeAll()
        #expect(queue.isEmpty)
        #expect(queue.buffers == 0)
    }

    @Test func `a small slice of a large buffer is copied`() {
        var large = ByteBuffer(repeating: 0x61, count: 1 << 20)
        let slice = large.readSlice(length: 10) ?? ByteBuffer()
        #expect(slice.storageCapacity >= 1 << 20)
        #expect(slice.withoutWaste().storageCapacity < 100)
        #expect(slice.withoutWaste(slack: 1 << 20).storageCapacity >= 1 << 20)
        #expect(large.withoutWaste().storageCapacity == large.storageCapacity)
        var queue = ByteQueue()
        queue.append(slice)
        #expect(queue.take()?.storageCapacity ?? 0 < 100)
    }

    @Test(arguments: 0..<20)
    func `order is kept, and memory stays in proportion to the bytes`(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var queue = ByteQueue()
        var read = ByteBuffer(bytes: (0..<(1 << 16)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        var expected = ByteBuffer()
        var taken = ByteBuffer()
        func takeSome() {
            guard let part = queue.take(upTo: random.next(below: 9000)) else { return }
            taken.writeImmutableBuffer(part)
        }
        for _ in 0..<2000 {
            let limit = [2, 100, 5000, 20_000][random.next(below: 4)]
            read.moveReaderIndex(to: random.next(below: 1 << 15))
            let part = read.readSlice(length: random.next(below: limit)) ?? ByteBuffer()
            expected.writeImmutableBuffer(part)
            queue.append(part)
            if random.next(below: 4) == 0 { takeSome() }
            #expect(queue.buffers <= 2 * queue.bytes / ByteQueue.smallBytes + 2)
        }
        var storage = 0
        let (bytes, buffers) = (queue.bytes, queue.buffers)
        while let part = queue.take() {
            storage += part.storageCapacity
            taken.writeImmutableBuffer(part)
        }
        // Part of the first buffer may have been taken.
        #expect(storage <= 2 * bytes + (buffers << 10) + 40_000)
        #expect(taken == expected)
    }
}
