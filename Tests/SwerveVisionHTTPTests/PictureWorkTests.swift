import Dispatch
import NIOCore
import SwerveHTTPTypes
import SwerveVision
import Synchronization
import TestSupport
import Testing

@testable import SwerveVisionHTTP

/// A queue on which one can tell that one is there.
private final class MarkedQueue: SerialExecutor {
    private static let mark = DispatchSpecificKey<Bool>()
    private let queue = DispatchQueue(label: "replica")

    /// Whether the current thread works for such a queue.
    static var isCurrent: Bool { DispatchQueue.getSpecific(key: mark) ?? false }

    init() {
        queue.setSpecific(key: Self.mark, value: true)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

private actor Replica {
    private let queue = MarkedQueue()

    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    func isCurrentHere() -> Bool { MarkedQueue.isCurrent }

    func isCurrentAtWork() async throws -> Bool { try await PictureWork.current.run { MarkedQueue.isCurrent } }

    func size(of request: ServeRequest) async throws -> Int { try await request.image().pixels.count }

    func answer(to request: ServeRequest, with image: Image) async throws -> HTTPStatus {
        try await ServeResponse.image(image, for: request).status
    }

    func ping() -> Bool { true }
}

/// Work that takes a turn until it is told to end. It blocks no thread.
private struct Occupation {
    private let end: AsyncStream<Void>.Continuation
    private let task: Task<Void, any Error>

    init(_ work: PictureWork) async throws {
        let (stream, end) = AsyncStream.makeStream(of: Void.self)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        self.end = end
        task = Task {
            try await work.holdingTurn {
                start.finish()
                for await _ in stream {}
            }
        }
        for await _ in started {}
    }

    func finish() async throws {
        end.finish()
        try await task.value
    }
}

private final class Order: Sendable {
    let numbers = Mutex<[Int]>([])
}

@Suite("Work on pictures", .timeLimit(.minutes(5)))
struct PictureWorkTests {
    private static func picture() throws -> Image {
        try Image(width: 3, height: 2, channels: 3, pixels: (0..<18).map(UInt8.init))
    }

    private static func request() throws -> ServeRequest {
        try ServeRequest(method: .post, path: "/", body: HTTPBody(ByteBuffer(bytes: picture().png())))
    }

    @Test("Work runs off the actor that asks for it")
    func offTheActor() async throws {
        let replica = Replica()
        #expect(await replica.isCurrentHere())
        #expect(try await replica.isCurrentAtWork() == false)
    }

    @Test("While a request's picture waits for its turn, the replica answers others, and then this one")
    func overlap() async throws {
        let (replica, work) = (Replica(), PictureWork(limit: 1))
        let occupation = try await Occupation(work)
        try await PictureWork.$current.withValue(work) {
            async let size = replica.size(of: Self.request())
            async let status = replica.answer(to: Self.request(), with: Self.picture())
            try await eventually("both wait") { work.waitingCount == 2 }
            #expect(await replica.ping())
            try await occupation.finish()
            #expect(try await size == 18)
            #expect(try await status == .ok)
        }
        #expect(work.waitingCount == 0)
    }

    @Test("No more work runs at a time than the limit, and what waits runs in the order in which it came")
    func limit() async throws {
        let work = PictureWork(limit: 2)
        let occupations = [try await Occupation(work), try await Occupation(work)]
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask { try await work.run { order.numbers.withLock { $0.append(number) } } }
                try await eventually("it waits") { work.waitingCount == number + 1 }
            }
            #expect(order.numbers.withLock { $0 } == [])
            // One place: the four run one after the other.
            try await occupations[0].finish()
            try await group.waitForAll()
        }
        #expect(order.numbers.withLock { $0 } == [0, 1, 2, 3])
        try await occupations[1].finish()
    }

    @Test("Work whose task is cancelled leaves the queue and never begins; its place is not lost")
    func cancellation() async throws {
        let work = PictureWork(limit: 1)
        let occupation = try await Occupation(work)
        let cancelled = Task { try await work.run { Issue.record("the work ran") } }
        try await eventually("it waits") { work.waitingCount == 1 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(work.waitingCount == 0)
        try await occupation.finish()
        #expect(try await work.run { 7 } == 7)
    }

    @Test("An error reaches the caller, and the next work runs")
    func errors() async throws {
        let work = PictureWork(limit: -3)
        #expect(work.limit == 1)
        await #expect(throws: ImageError.self) { try await work.run { throw ImageError(.corrupt, "expected") } }
        #expect(try await work.run { 7 } == 7)
    }
}
