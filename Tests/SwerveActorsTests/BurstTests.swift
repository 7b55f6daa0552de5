import Dispatch
import NIOCore
import NIOPosix
import SwerveCore
import Synchronization
import TestSupport
import Testing

@testable import SwerveActors

@Suite struct BurstStateTests {
    @Test func `the loop is told once until it comes`() {
        var burst = BurstState()
        #expect(burst.added() == true)
        #expect(burst.added() == false)
        burst.ran()
        #expect(burst.added() == true)
    }

    @Test func `while a batch holds the loop is not told`() {
        var burst = BurstState()
        burst.hold()
        #expect(burst.isHeld)
        #expect(burst.added() == false)
        #expect(burst.release() == true)
        #expect(!burst.isHeld)
        #expect(burst.added() == true)
    }

    @Test func `the last batch hands on`() {
        var burst = BurstState()
        burst.hold()
        burst.hold()
        #expect(burst.release() == false)
        #expect(burst.release() == true)
    }

    @Test func `a batch that did not begin cannot end`() async {
        await #expect(processExitsWith: .failure) {
            var burst = BurstState()
            _ = burst.release()
        }
    }
}

@Suite struct MailboxTests {
    private final class Log: Sendable {
        private let state = Mutex<[Int]>([])
        var entries: [Int] { state.withLock { $0 } }
        func note(_ entry: Int) { state.withLock { $0.append(entry) } }
    }

    @Test func `work of one tick runs in order with one wake-up`() {
        let (loop, log) = (ManualLoop(), Log())
        let mailbox = Mailbox(loop)
        for number in 0..<5 { mailbox.post { log.note(number) } }
        #expect(log.entries == [])
        #expect(loop.wakeUps == 1)
        loop.run()
        #expect(log.entries == [0, 1, 2, 3, 4])
        mailbox.post { log.note(5) }
        #expect(loop.wakeUps == 2)
        loop.run()
        #expect(log.entries.last == 5)
    }

    @Test func `work that work brings runs in a later tick`() {
        let (loop, log) = (ManualLoop(), Log())
        let mailbox = Mailbox(loop)
        mailbox.post {
            mailbox.post { log.note(2) }
            log.note(1)
        }
        loop.run()
        #expect(log.entries == [1, 2])
        #expect(loop.wakeUps == 2)
    }

    @Test func `work of a batch waits for its end, which wakes the loop once`() {
        let (loop, log) = (ManualLoop(), Log())
        let mailbox = Mailbox(loop)
        mailbox.hold()
        mailbox.hold()
        mailbox.post { log.note(1) }
        mailbox.post { log.note(2) }
        mailbox.release()
        #expect(loop.wakeUps == 0)
        mailbox.release()
        #expect(loop.wakeUps == 1)
        #expect(log.entries == [])
        loop.run()
        #expect(log.entries == [1, 2])
    }

    @Test func `a batch that ends on the loop hands its work on at once`() {
        let (loop, log) = (ManualLoop(), Log())
        let mailbox = Mailbox(loop)
        loop.asLoop {
            mailbox.hold()
            mailbox.post { log.note(1) }
            mailbox.release()
        }
        #expect(log.entries == [1])
        #expect(loop.wakeUps == 0)
    }

    @Test func `an empty batch wakes nobody`() {
        let loop = ManualLoop()
        let mailbox = Mailbox(loop)
        mailbox.hold()
        mailbox.release()
        #expect(loop.wakeUps == 0)
    }

    @Test func `a wake-up that comes while a batch holds loses nothing`() {
        let (loop, log) = (ManualLoop(), Log())
        let mailbox = Mailbox(loop)
        mailbox.post { log.note(1) }
        mailbox.hold()
        mailbox.post { log.note(2) }
        loop.run()
        mailbox.post { log.note(3) }
        mailbox.release()
        loop.run()
        #expect(log.entries == [1, 2, 3])
    }

    @Test func `what threads post comes once and in the order of each thread`() async {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let mailbox = Mailbox(loop)
        let (threads, each) = (4, 3_000)
        let logs = (0..<threads).map { _ in Log() }
        let arrived = Tally()
        let (whole, report) = AsyncStream.makeStream(of: Void.self)
        // Off the tests' threads, of which there are few.
        DispatchQueue.global().async {
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                var random = SplitMix64(seed: UInt64(thread))
                for number in 0..<each {
                    let isBatch = random.next(below: 5) == 0
                    if isBatch { mailbox.hold() }
                    mailbox.post {
                        logs[thread].note(number)
                        arrived.add()
                        if arrived.value == threads * each { report.finish() }
                    }
                    if isBatch { mailbox.release() }
                }
            }
        }
        for await _ in whole {}
        for log in logs { #expect(log.entries == Array(0..<each)) }
    }
}

/// Receives one event.
private final class Receiver: ReplicaStreamReceiver {
    private let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) {
        self.work = work
    }
    func received(_ event: StreamEvent) { work() }
}

extension Mailbox {
    /// Posts an event whose receiver does the work.
    fileprivate func post(_ work: @escaping @Sendable () -> Void) { post(.end, to: Receiver(work)) }
}
