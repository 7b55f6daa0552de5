import NIOCore
import SwerveCore
import Testing

@testable import SwerveTransport

/// Threads, a socket and a connection's buffer, stepped in an order that a seed decides and compared with the plain
/// bytes that were sent.
private struct Model {
    /// What a thread will do next for the buffer.
    enum Turn { case take, write(WireBytes), report(WireOutcome), handOver, tellClose, closeSocket }

    var random: SplitMix64
    var out = OutgoingBuffer()
    /// The first thread is the event loop's.
    var threads = [Turn?](repeating: nil, count: 4)
    var wakeUps = 0
    var holds = 0

    /// Every byte that was sent before the end.
    var sent = ByteBuffer()
    /// How many of the sent bytes the socket has.
    var arrived = 0
    /// The bytes that were handed over and wait for the socket.
    var handedOver: ByteBuffer?
    var isWritable = false
    var isBroken = false
    var hasEnded = false
    var closings = 0
    var wrong: [String] = []

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func check(_ holds: Bool, _ what: String) {
        if !holds { wrong.append(what) }
    }

    mutating func chance(_ one: Int) -> Bool { random.next(below: one) == 0 }

    // MARK: Steps

    mutating func step(mayEnd: Bool) {
        let thread = random.next(below: threads.count)
        if let turn = threads[thread] { return go(on: turn, thread) }
        switch random.next(below: 12) {
        case 0...5: send(thread)
        case 6:
            out.hold()
            holds += 1
        case 7 where holds > 0: release(thread)
        case 8...9: loop()
        case 10: socket()
        case 11 where mayEnd && chance(20): end(thread)
        default: break
        }
        checkCounts()
    }

    /// Does all remaining work.
    mutating func settle() {
        var steps = 0
        while threads.contains(where: { $0 != nil }) || holds > 0 || wakeUps > 0 || handedOver != nil || isWritable {
            steps += 1
            guard steps < 10_000 else { return wrong.append("the model never comes to rest") }
            for thread in threads.indices {
                if let turn = threads[thread] { go(on: turn, thread) }
            }
            if holds > 0, threads[1] == nil { release(1) }
            loop()
            socket()
        }
        checkCounts()
    }

    private mutating func send(_ thread: Int) {
        var frame = ByteBuffer()
        let size = 1 + random.next(below: 10)
        for _ in 0..<size { frame.writeInteger(random.next()) }
        let isLarge = chance(6)
        let trailing = isLarge ? ByteBuffer(repeating: UInt8(truncatingIfNeeded: random.next()), count: 17 << 10) : nil
        if !hasEnded {
            sent.writeImmutableBuffer(frame)
            if let trailing { sent.writeImmutableBuffer(trailing) }
        }
        let (isOnLoop, isQuiet) = (thread == 0, chance(2))
        if trailing == nil, chance(2) {
            act(out.append(isOnLoop: isOnLoop, isQuiet: isQuiet) { $0.writeImmutableBuffer(frame) }, thread)
        } else {
            act(out.append(frame, trailing, isOnLoop: isOnLoop, isQuiet: isQuiet), thread)
        }
    }

    private mutating func release(_ thread: Int) {
        holds -= 1
        act(out.release(), thread)
    }

    private mutating func loop() {
        guard threads[0] == nil else { return }
        if isWritable {
            isWritable = false
            return act(out.becameWritable(), 0)
        }
        guard wakeUps > 0 else { return }
        wakeUps -= 1
        act(out.loopCame(), 0)
    }

    /// Lets the socket take some of the bytes that were handed over.
    private mutating func socket() {
        guard var rest = handedOver else { return }
        let count = min(rest.readableBytes, 1 + random.next(below: 20_000))
        arrive(rest.readSlice(length: count) ?? ByteBuffer())
        handedOver = rest.readableBytes > 0 ? rest : nil
        isWritable = handedOver == nil
    }

    private mutating func end(_ thread: Int) {
        hasEnded = true
        act(out.close(), thread)
    }

    // MARK: Acting

    private mutating func act(_ action: OutgoingBuffer.Action, _ thread: Int) {
        switch action {
        case .none: break
        case .schedule:
            check(wakeUps == 0 || isWritable, "the loop was woken twice")
            wakeUps += 1
        case .write:
            check(!threads.contains { $0?.isWriter == true }, "two writers")
            check(handedOver == nil, "a write before the handed-over bytes have left")
            check(closings == 0, "a write to a closed socket")
            threads[thread] = .take
        case .awaitWritable: threads[thread] = .handOver
        case .fail: threads[thread] = .tellClose
        case .closeSocket: threads[thread] = .closeSocket
        }
    }

    private mutating func go(on turn: Turn, _ thread: Int) {
        switch turn {
        case .take: threads[thread] = .write(out.take())
        case .write(let bytes): threads[thread] = .report(write(bytes))
        case .report(let outcome):
            threads[thread] = nil
            act(out.wrote(outcome), thread)
        case .handOver:
            let rest = out.handOver().joined
            check(handedOver == nil, "handed over twice")
            handedOver = rest
            threads[thread] = nil
        case .tellClose:
            threads[thread] = nil
            end(thread)
        case .closeSocket:
            closings += 1
            threads[thread] = nil
        }
    }

    private mutating func write(_ bytes: WireBytes) -> WireOutcome {
        check(closings == 0, "a write to a closed socket")
        if isBroken || chance(300) {
            isBroken = true
            return .failed
        }
        var all = bytes.joined
        let count = chance(3) ? random.next(below: all.readableBytes + 1) : all.readableBytes
        arrive(all.readSlice(length: count) ?? ByteBuffer())
        return .written(count)
    }

    private mutating func arrive(_ bytes: ByteBuffer) {
        let wanted = sent.getSlice(at: arrived, length: bytes.readableBytes)
        check(wanted == bytes, "the socket got wrong bytes at \(arrived)")
        arrived += bytes.readableBytes
    }

    private mutating func checkCounts() {
        guard !hasEnded, !isBroken else { return }
        let isReported = !threads.contains { if case .report? = $0 { true } else { false } }
        if isReported {
            let onTheWay = sent.readableBytes - arrived - (handedOver?.readableBytes ?? 0)
            check(out.count == onTheWay, "\(out.count) bytes are counted, but there are \(onTheWay)")
        }
        if out.isDrained {
            check(arrived == sent.readableBytes, "drained with \(sent.readableBytes - arrived) bytes left")
        }
    }
}

extension Model.Turn {
    var isWriter: Bool {
        switch self {
        case .take, .write, .report: true
        case .handOver, .tellClose, .closeSocket: false
        }
    }
}

@Suite struct OutgoingBufferModelTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `in any order of events one thread writes at a time, no byte is lost, and the socket closes once`(
        part: UInt64
    ) {
        for seed in (part * 200)..<(part * 200 + 200) {
            var model = Model(seed: seed)
            let mayEnd = seed % 2 == 0
            for _ in 0..<300 { model.step(mayEnd: mayEnd) }
            model.settle()
            if !model.hasEnded {
                #expect(model.arrived == model.sent.readableBytes, "seed \(seed)")
                #expect(model.out.isDrained && model.out.count == 0, "seed \(seed)")
                model.finish()
            }
            #expect(model.closings == 1, "seed \(seed)")
            #expect(model.wrong == [], "seed \(seed)")
            guard model.wrong.isEmpty else { return }
        }
    }
}

extension Model {
    fileprivate mutating func finish() {
        end(2)
        settle()
    }
}
