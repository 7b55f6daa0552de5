import NIOCore
import SwerveActors
import SwerveCore
import Testing

@testable import SwerveTransport

/// A sender, its reader's account and everything on the way between them, stepped in an order that a seed decides.
@Suite struct FlowModelTests {
    private struct Pipe {
        var random: SplitMix64
        var sender: CreditedSender
        var taken = ConsumedBytes()
        var pushed = ByteBuffer()
        var isEnded = false
        /// Parts and credits that have not arrived.
        var parts: [CreditedSender.Part] = []
        var credits: [Int] = []
        /// The number of bytes that have arrived and that the reader has not taken.
        var unread = 0
        var arrived = ByteBuffer()
        var lasts = 0
        var most = 0
        var wrong: [String] = []

        init(seed: UInt64) {
            random = SplitMix64(seed: seed)
            let sent = [0, 0, 1, StreamLimits.part][random.next(below: 4)]
            sender = CreditedSender(sent: sent)
            unread = sent
            _ = taken.received(sent)
        }

        mutating func send() {
            while let part = sender.next() { parts.append(part) }
            most = max(most, parts.reduce(0) { $0 + $1.bytes.readableBytes } + unread)
        }

        mutating func push() {
            let count = [0, 1, 100, 5_000, 40_000, 400_000][random.next(below: 6)]
            let value = UInt8(truncatingIfNeeded: random.next())
            if !isEnded { pushed.writeRepeatingByte(value, count: count) }
            sender.push(ByteBuffer(repeating: value, count: count))
            send()
        }

        mutating func arrive() {
            guard !parts.isEmpty else { return }
            let part = parts.removeFirst()
            if lasts > 0 { wrong.append("a part after the last one") }
            if !taken.received(part.bytes.readableBytes) { wrong.append("more than the window arrived") }
            unread += part.bytes.readableBytes
            arrived.writeImmutableBuffer(part.bytes)
            if part.isLast { lasts += 1 }
        }

        mutating func read(all: Bool = false) {
            guard unread > 0 else { return }
            let count = all ? unread : 1 + random.next(below: unread)
            unread -= count
            let credit = taken.consumed(count)
            if credit > 0 { credits.append(credit) }
        }

        mutating func credit() {
            guard !credits.isEmpty else { return }
            if !sender.consumed(credits.removeFirst()) { wrong.append("a correct credit was refused") }
            send()
        }

        mutating func step() {
            switch random.next(below: 10) {
            case 0...2: push()
            case 3...5: arrive()
            case 6...7: read()
            default: credit()
            }
        }

        /// Lets everything on the way arrive, and the reader take it all.
        mutating func settle() {
            while !parts.isEmpty || !credits.isEmpty || unread > 0 {
                arrive()
                if parts.isEmpty { read(all: true) }
                credit()
            }
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `every byte arrives once, in order and within the window, and a reader that reads never waits forever`(
        part: UInt64
    ) {
        for seed in (part * 40)..<(part * 40 + 40) {
            var pipe = Pipe(seed: seed)
            for _ in 0..<120 { pipe.step() }
            pipe.settle()
            #expect(pipe.arrived == pipe.pushed, "seed \(seed): all of it arrives without an end")
            pipe.push()
            pipe.isEnded = true
            pipe.sender.end()
            pipe.send()
            pipe.push()
            pipe.settle()
            #expect(pipe.arrived == pipe.pushed, "seed \(seed)")
            #expect(pipe.lasts == 1, "seed \(seed)")
            #expect(pipe.most <= StreamLimits.window, "seed \(seed)")
            #expect(pipe.wrong == [], "seed \(seed)")
        }
    }
}
