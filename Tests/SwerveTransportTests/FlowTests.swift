import NIOCore
import SwerveActors
import SwerveCore
import Testing

@testable import SwerveTransport

private func bytes(_ count: Int, _ value: UInt8 = 1) -> ByteBuffer { ByteBuffer(repeating: value, count: count) }

@Suite struct CreditedSenderTests {
    private let window = StreamLimits.window

    /// All parts that may leave now.
    private func parts(_ sender: inout CreditedSender) -> [CreditedSender.Part] {
        var parts: [CreditedSender.Part] = []
        while let part = sender.next() { parts.append(part) }
        return parts
    }

    @Test func `the first bytes leave at once, however few`() {
        var sender = CreditedSender()
        sender.push(bytes(1))
        #expect(parts(&sender).map(\.bytes.readableBytes) == [1])
        #expect(sender.waiting == 0)
    }

    @Test func `small parts wait to leave together while bytes are on the way`() {
        var sender = CreditedSender()
        sender.push(bytes(100))
        _ = parts(&sender)
        sender.push(bytes(StreamLimits.smallPart - 1))
        #expect(sender.next() == nil)
        sender.push(bytes(1))
        #expect(parts(&sender).reduce(0) { $0 + $1.bytes.readableBytes } == StreamLimits.smallPart)
    }

    @Test func `small parts leave when the reader has taken everything before them`() {
        var sender = CreditedSender()
        sender.push(bytes(100))
        _ = parts(&sender)
        sender.push(bytes(5))
        #expect(sender.consumed(99) == true)
        #expect(sender.next() == nil)
        #expect(sender.consumed(1) == true)
        #expect(parts(&sender).map(\.bytes.readableBytes) == [5])
    }

    @Test func `at most a window is on the way, in parts of limited size`() {
        var sender = CreditedSender()
        sender.push(bytes(3 * window))
        let first = parts(&sender)
        #expect(
            first.map(\.bytes.readableBytes) == Array(repeating: StreamLimits.part, count: window / StreamLimits.part)
        )
        #expect(sender.waiting == 2 * window)
        #expect(sender.consumed(10) == true)
        #expect(parts(&sender).map(\.bytes.readableBytes) == [10])
        #expect(sender.next() == nil)
    }

    @Test func `bytes that were sent before count against the first window`() {
        var sender = CreditedSender(sent: window - 3)
        sender.push(bytes(10))
        sender.end()
        #expect(parts(&sender).map(\.bytes.readableBytes) == [3])
        #expect(sender.consumed(window) == true)
        let rest = parts(&sender)
        #expect(rest.map(\.bytes.readableBytes) == [7])
        #expect(rest.map(\.isLast) == [true])
    }

    @Test func `the last part is marked, and nothing follows it`() {
        var sender = CreditedSender()
        sender.push(bytes(StreamLimits.part + 1))
        sender.end()
        #expect(parts(&sender).map(\.isLast) == [false, true])
        #expect(sender.isOver)
        sender.push(bytes(1))
        sender.end()
        #expect(sender.next() == nil)
    }

    @Test func `an end without bytes is an empty last part`() {
        var sender = CreditedSender()
        sender.push(bytes(1))
        _ = parts(&sender)
        sender.push(ByteBuffer())
        #expect(sender.next() == nil)
        sender.end()
        let last = parts(&sender)
        #expect(last.map(\.bytes.readableBytes) == [0])
        #expect(last.map(\.isLast) == [true])
    }

    @Test func `an end releases small parts that wait for more`() {
        var sender = CreditedSender()
        sender.push(bytes(1))
        _ = parts(&sender)
        sender.push(bytes(2))
        sender.end()
        #expect(parts(&sender).map(\.isLast) == [true])
    }

    @Test func `the end waits for room like everything before it`() {
        var sender = CreditedSender()
        sender.push(bytes(window + 1))
        sender.end()
        #expect(parts(&sender).contains(where: \.isLast) == false)
        #expect(!sender.isOver)
        #expect(sender.consumed(1) == true)
        #expect(parts(&sender).map(\.isLast) == [true])
    }

    @Test func `a reader can take neither more than was sent nor a negative number`() {
        var sender = CreditedSender()
        #expect(sender.consumed(1) == false)
        sender.push(bytes(10))
        // The bytes wait and are not sent yet.
        #expect(sender.consumed(1) == false)
        _ = parts(&sender)
        #expect(sender.consumed(11) == false)
        #expect(sender.consumed(-1) == false)
        #expect(sender.consumed(.max) == false)
        #expect(sender.consumed(0) == true)
        #expect(sender.consumed(10) == true)
        #expect(sender.consumed(1) == false)
    }
}

@Suite struct ConsumedBytesTests {
    private let window = StreamLimits.window

    @Test func `consumed bytes are reported when nothing is left to read`() {
        var taken = ConsumedBytes()
        #expect(taken.received(100) == true)
        #expect(taken.consumed(60) == 0)
        #expect(taken.consumed(40) == 100)
    }

    @Test func `consumed bytes are reported in quarters of a window while there is more to read`() {
        var taken = ConsumedBytes()
        #expect(taken.received(window) == true)
        #expect(taken.consumed(window / 4 - 1) == 0)
        #expect(taken.consumed(1) == window / 4)
        #expect(taken.consumed(window / 2) == window / 2)
        #expect(taken.consumed(window / 4) == window / 4)
    }

    @Test func `a writer that sends more than a window ahead is detected`() {
        var taken = ConsumedBytes()
        #expect(taken.received(window) == true)
        #expect(taken.received(1) == false)
    }

    @Test func `only reported bytes make room`() {
        var taken = ConsumedBytes()
        #expect(taken.received(window) == true)
        #expect(taken.consumed(window / 4 - 1) == 0)
        #expect(taken.received(1) == false)
        var other = ConsumedBytes()
        #expect(other.received(window) == true)
        #expect(other.consumed(window / 4) == window / 4)
        #expect(other.received(window / 4) == true)
        #expect(other.received(1) == false)
    }
}

@Suite struct ValueAssemblyTests {
    @Test func `parts are joined in order`() {
        var value = ValueAssembly(length: 5)
        #expect(!value.isWhole)
        #expect(value.append(ByteBuffer(string: "ab")) == true)
        #expect(value.append(ByteBuffer()) == true)
        #expect(!value.isWhole)
        #expect(value.append(ByteBuffer(string: "cde")) == true)
        #expect(value.isWhole)
        #expect(String(buffer: value.bytes) == "abcde")
    }

    @Test func `more than was announced is refused, and the earlier parts stay`() {
        var value = ValueAssembly(length: 3)
        #expect(value.append(ByteBuffer(string: "ab")) == true)
        #expect(value.append(ByteBuffer(string: "cd")) == false)
        #expect(String(buffer: value.bytes) == "ab")
        #expect(value.append(ByteBuffer(string: "c")) == true)
        #expect(value.append(ByteBuffer(string: "d")) == false)
    }

    @Test func `an announced length does not allocate memory for the whole value`() {
        let value = ValueAssembly(length: StreamLimits.maximumValueBytes)
        #expect(value.bytes.storageCapacity <= 16 << 20)
    }
}
