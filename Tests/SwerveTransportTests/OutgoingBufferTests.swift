import NIOCore
import SwerveCore
import Testing

@testable import SwerveTransport

extension WireBytes {
    /// All bytes in order.
    var joined: ByteBuffer {
        var all = ByteBuffer()
        for part in parts { all.writeImmutableBuffer(part) }
        all.writeImmutableBuffer(tail)
        return all
    }
    var text: String { String(buffer: joined) }
}

extension OutgoingBuffer {
    /// Sends from a thread other than the loop's while many requests are ongoing, unless the arguments differ.
    fileprivate mutating func add(_ text: String, isOnLoop: Bool = false, isQuiet: Bool = false) -> Action {
        append(ByteBuffer(string: text), isOnLoop: isOnLoop, isQuiet: isQuiet)
    }

    /// A buffer with a thread that is writing: it took the text and has not reported yet.
    fileprivate static func writing(_ text: String) -> OutgoingBuffer {
        var out = OutgoingBuffer()
        #expect(out.add(text, isQuiet: true) == .write)
        #expect(out.take().text == text)
        return out
    }

    /// A buffer whose socket was full, so that the text was handed over.
    fileprivate static func blocked(_ text: String) -> OutgoingBuffer {
        var out = writing(text)
        #expect(out.wrote(.written(0)) == .awaitWritable)
        #expect(out.handOver().text == text)
        return out
    }
}

@Suite struct OutgoingBufferTests {
    // MARK: When bytes are written

    @Test func `a thread writes at once while few requests are ongoing`() {
        var out = OutgoingBuffer()
        #expect(out.add("a", isQuiet: true) == .write)
        #expect(out.take().text == "a")
        #expect(!out.isDrained)
        #expect(out.wrote(.written(1)) == .none)
        #expect(out.isDrained)
        #expect(out.count == 0)
    }

    @Test func `threads leave writing to the loop while many requests are ongoing, and wake it once`() {
        var out = OutgoingBuffer()
        #expect(out.add("a") == .schedule)
        #expect(out.add("b") == .none)
        #expect(out.add("c") == .none)
        #expect(out.loopCame() == .write)
        #expect(out.take().text == "abc")
        #expect(out.wrote(.written(3)) == .none)
        #expect(out.add("d") == .schedule)
    }

    @Test func `the loop does not write before the end of its tick, even when it is quiet`() {
        var out = OutgoingBuffer()
        #expect(out.add("a", isOnLoop: true, isQuiet: true) == .schedule)
        #expect(out.add("b", isOnLoop: true, isQuiet: true) == .none)
        #expect(out.loopCame() == .write)
        #expect(out.take().text == "ab")
    }

    @Test func `when a tick has enough frames, the last one is written at once together with the others`() {
        var out = OutgoingBuffer()
        let last = ConnectionLimits.framesPerWrite
        for number in 1..<last {
            #expect(out.add("a", isOnLoop: true) == (number == 1 ? .schedule : .none))
        }
        #expect(out.add("b", isOnLoop: true) == .write)
        #expect(out.take().text == String(repeating: "a", count: last - 1) + "b")
        #expect(out.wrote(.written(last)) == .none)
        // The loop still comes, and finds nothing.
        #expect(out.loopCame() == .none)
        #expect(out.add("c", isOnLoop: true) == .schedule)
    }

    @Test func `a loop that finds nothing writes nothing`() {
        var out = OutgoingBuffer()
        #expect(out.loopCame() == .none)
        #expect(out.isDrained)
    }

    // MARK: One writer

    @Test func `bytes that are sent while a thread writes wait for it`() {
        var out = OutgoingBuffer.writing("a")
        #expect(out.add("b", isQuiet: true) == .none)
        #expect(out.add("c", isOnLoop: true) == .none)
        #expect(out.loopCame() == .none)
        #expect(out.count == 3)
        #expect(out.wrote(.written(1)) == .write)
        #expect(out.take().text == "bc")
        #expect(out.wrote(.written(2)) == .none)
        #expect(out.isDrained)
    }

    @Test func `a writer writes four times and leaves the rest to the loop`() {
        var out = OutgoingBuffer.writing("a")
        for _ in 1..<OutgoingBuffer.maximumRounds {
            #expect(out.add("b") == .none)
            #expect(out.wrote(.written(1)) == .write)
            #expect(out.take().text == "b")
        }
        #expect(out.add("c") == .none)
        #expect(out.wrote(.written(1)) == .schedule)
        #expect(out.add("d") == .none)
        #expect(out.loopCame() == .write)
        #expect(out.take().text == "cd")
    }

    @Test func `a loop that is already on its way is not woken again for the rest`() {
        var out = OutgoingBuffer()
        #expect(out.add("a") == .schedule)
        #expect(out.add("b", isQuiet: true) == .write)
        #expect(out.take().text == "ab")
        for _ in 1..<OutgoingBuffer.maximumRounds {
            #expect(out.add("c") == .none)
            #expect(out.wrote(.written(out.count - 1)) == .write)
            #expect(out.take().text == "c")
        }
        #expect(out.add("d") == .none)
        #expect(out.wrote(.written(1)) == .none)
        #expect(out.loopCame() == .write)
    }

    // MARK: A full socket

    @Test(arguments: [0, 1, 3])
    func `the rest that a full socket did not take goes before later bytes`(written: Int) {
        var out = OutgoingBuffer.writing("abcd")
        #expect(out.add("e") == .none)
        #expect(out.wrote(.written(written)) == .awaitWritable)
        #expect(out.handOver().text == String("abcd".dropFirst(written)))
        #expect(out.add("f", isQuiet: true) == .none)
        #expect(out.loopCame() == .none)
        #expect(!out.isDrained)
        #expect(out.becameWritable() == .write)
        #expect(out.take().text == "ef")
    }

    @Test func `a socket that becomes free is idle when nothing waits`() {
        var out = OutgoingBuffer.blocked("a")
        #expect(out.becameWritable() == .none)
        #expect(out.isDrained)
        #expect(out.add("b", isQuiet: true) == .write)
    }

    @Test func `large parts are cut where the socket was full`() {
        var out = OutgoingBuffer()
        let large = ByteBuffer(repeating: 7, count: ConnectionLimits.copyLimit)
        _ = out.append(ByteBuffer(string: "head"), large, isOnLoop: false, isQuiet: false)
        _ = out.append(ByteBuffer(string: "tail"), isOnLoop: false, isQuiet: false)
        #expect(out.loopCame() == .write)
        let all = out.take()
        #expect(all.parts.map(\.readableBytes) == [4, large.readableBytes])
        #expect(out.wrote(.written(4 + 100)) == .awaitWritable)
        let rest = out.handOver()
        #expect(rest.count == large.readableBytes - 100 + 4)
        #expect(rest.parts.count == 1)
        #expect(String(buffer: rest.tail) == "tail")
    }

    // MARK: Bursts

    @Test func `nothing leaves while a burst holds`() {
        var out = OutgoingBuffer()
        out.hold()
        #expect(out.add("a", isQuiet: true) == .none)
        #expect(out.add("b", isOnLoop: true) == .none)
        #expect(out.release() == .write)
        #expect(out.take().text == "ab")
    }

    @Test func `the last of several bursts releases everything`() {
        var out = OutgoingBuffer()
        out.hold()
        out.hold()
        #expect(out.add("a", isQuiet: true) == .none)
        #expect(out.release() == .none)
        #expect(out.release() == .write)
    }

    @Test func `a burst without answers writes nothing`() {
        var out = OutgoingBuffer()
        out.hold()
        #expect(out.release() == .none)
    }

    @Test func `a writer that finishes while a burst holds leaves the rest to the burst`() {
        var out = OutgoingBuffer.writing("a")
        out.hold()
        #expect(out.add("b") == .none)
        #expect(out.wrote(.written(1)) == .none)
        #expect(out.release() == .write)
        #expect(out.take().text == "b")
    }

    @Test func `a burst that ends while a thread writes leaves the rest to the writer`() {
        var out = OutgoingBuffer.writing("a")
        out.hold()
        #expect(out.add("b") == .none)
        #expect(out.release() == .none)
        #expect(out.wrote(.written(1)) == .write)
    }

    @Test func `a socket that becomes free while a burst holds waits for its end`() {
        var out = OutgoingBuffer.blocked("a")
        out.hold()
        #expect(out.add("b") == .none)
        #expect(out.becameWritable() == .none)
        #expect(out.release() == .write)
        #expect(out.take().text == "b")
    }

    // MARK: The end

    @Test func `a connection without a writer closes its socket at once, and only once`() {
        var idle = OutgoingBuffer()
        _ = idle.add("a")
        var blocked = OutgoingBuffer.blocked("a")
        #expect(idle.close() == .closeSocket)
        #expect(idle.close() == .none)
        #expect(blocked.close() == .closeSocket)
        #expect(blocked.close() == .none)
        #expect(idle.count == 0)
        #expect(blocked.becameWritable() == .none)
    }

    @Test(arguments: [.written(1), .written(0), .failed] as [WireOutcome])
    func `a thread that is writing closes the socket`(outcome: WireOutcome) {
        var out = OutgoingBuffer.writing("a")
        _ = out.add("b")
        #expect(out.close() == .none)
        #expect(out.close() == .none)
        #expect(out.add("c", isQuiet: true) == .none)
        #expect(out.loopCame() == .none)
        #expect(out.wrote(outcome) == .closeSocket)
        #expect(out.close() == .none)
        #expect(out.count == 0)
        #expect(out.isDrained)
    }

    @Test func `a writer that has not taken its bytes before the end finds none`() {
        var out = OutgoingBuffer()
        #expect(out.add("a", isQuiet: true) == .write)
        #expect(out.close() == .none)
        #expect(out.take().isEmpty)
        #expect(out.wrote(.written(0)) == .closeSocket)
    }

    @Test func `a full socket that closes before the rest was handed over gets nothing`() {
        var out = OutgoingBuffer.writing("abc")
        #expect(out.wrote(.written(1)) == .awaitWritable)
        #expect(out.close() == .closeSocket)
        #expect(out.handOver().isEmpty)
        #expect(out.becameWritable() == .none)
    }

    @Test func `after the end everything is dropped`() {
        var out = OutgoingBuffer()
        _ = out.close()
        #expect(out.add("a", isQuiet: true) == .none)
        #expect(out.append(isOnLoop: true, isQuiet: true) { $0.writeString("b") } == .none)
        out.hold()
        #expect(out.release() == .none)
        #expect(out.loopCame() == .none)
        #expect(out.count == 0)
    }

    @Test func `nothing more is written to a broken socket, and later bytes are dropped`() {
        var out = OutgoingBuffer.writing("a")
        _ = out.add("b")
        #expect(out.wrote(.failed) == .fail)
        #expect(out.count == 0)
        #expect(out.add("c", isQuiet: true) == .none)
        #expect(out.loopCame() == .none)
        #expect(out.count == 0)
        #expect(out.isDrained)
        #expect(out.close() == .closeSocket)
        #expect(out.count == 0)
        #expect(out.isDrained)
    }

    // MARK: Misuse

    @Test func `taking without being the writer traps`() async {
        await #expect(processExitsWith: .failure) {
            var out = OutgoingBuffer()
            _ = out.take()
        }
    }

    @Test func `reporting without being the writer traps`() async {
        await #expect(processExitsWith: .failure) {
            var out = OutgoingBuffer()
            _ = out.wrote(.written(0))
        }
    }

    @Test func `ending a burst that did not begin traps`() async {
        await #expect(processExitsWith: .failure) {
            var out = OutgoingBuffer()
            _ = out.release()
        }
    }
}
