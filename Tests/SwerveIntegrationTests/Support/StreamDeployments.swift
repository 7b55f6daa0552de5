import NIOCore
import Swerve

/// Makes and takes streams, and tells a journal what happens to them.
@Deployment
distributed actor Streams: RoutedIngress {
    private let journal: Journal
    private var kept: ResponseStream<Int>?

    init(journal: Journal) {
        self.journal = journal
    }

    static let routes: HTTPRoutes<Streams> = [
        .get("/count") { streams, request in try streams.count(to: 5).response(to: request) },
        .get("/fail") { streams, request in try streams.count(to: 5, failingAfter: 2).response(to: request) },
        .get("/text") { streams, _ in .chunks(ResponseStream(["Once ", "upon ", "a time"])) },
        .get("/silence") { streams, request in try streams.silence("http").response(to: request) },
        .get("/alive") { streams, _ in .serverSentEvents(streams.silence("alive"), keepAlive: .milliseconds(20)) },
    ]

    distributed func count(to end: Int, failingAfter limit: Int = .max) -> ResponseStream<Int> {
        ResponseStream { writer in
            for number in 0..<end {
                if number == limit { throw Refused(reason: "enough", code: number) }
                try await writer.write(number)
            }
        }
    }

    /// Counts until nobody reads any more.
    distributed func endless(_ name: String, maxBuffered: Int?) -> ResponseStream<Int> {
        let journal = journal
        return ResponseStream(maxBuffered: maxBuffered) { writer in
            var number = 0
            do {
                while true {
                    try await writer.write(number)
                    number += 1
                }
            } catch {
                // Detached: this task's own calls are cancelled, and the request's deadline may have passed.
                await Task.detached { try? await journal.note("\(name) ended after \(number)") }.value
                throw error
            }
        }
    }

    /// Writes one element and no other.
    distributed func silence(_ name: String) -> ResponseStream<Int> {
        let journal = journal
        return ResponseStream { writer in
            do {
                try await writer.write(1)
                try await journal.note("\(name) began")
                try await journal.wait(for: "never")
            } catch {
                let isCancelled = Task.isCancelled
                await Task.detached { try? await journal.note("\(name) cancelled: \(isCancelled)") }.value
                throw error
            }
        }
    }

    distributed func large(_ count: Int, bytes: Int) -> ResponseStream<ByteBuffer> {
        ResponseStream((0..<count).map { ByteBuffer(repeating: UInt8($0), count: bytes) })
    }

    distributed func optional() -> ResponseStream<Int?> { ResponseStream([1, nil, 3]) }
    distributed func context() -> ResponseStream<String> {
        ResponseStream { writer in try await writer.write(ServeContext.current?.requestID ?? "none") }
    }

    distributed func sum(_ numbers: ResponseStream<Int>, plus more: ResponseStream<Int>) async throws -> Int {
        var sum = 0
        for try await number in numbers { sum += number }
        for try await number in more { sum += number }
        return sum
    }

    distributed func first(_ count: Int, of numbers: ResponseStream<Int>) async throws -> [Int] {
        var found: [Int] = []
        for try await number in numbers.prefix(count) { found.append(number) }
        return found
    }

    /// Reads its argument while its result is read.
    distributed func doubled(_ numbers: ResponseStream<Int>) -> ResponseStream<Int> {
        ResponseStream { writer in
            for try await number in numbers { try await writer.write(2 * number) }
        }
    }

    /// Returns a stream that it has read in part.
    distributed func leftover() async throws -> ResponseStream<Int> {
        let numbers = count(to: 5)
        for try await _ in numbers { break }
        return numbers
    }

    distributed func ignore(_ numbers: ResponseStream<Int>) {}

    /// Begins to read its argument, and goes on when the call is over.
    distributed func outlive(_ numbers: ResponseStream<Int>, _ name: String) async throws {
        let journal = journal
        let (began, isBegun) = AsyncStream.makeStream(of: Void.self)
        // Detached: it must outlive the call.
        Task.detached {
            do {
                for try await _ in numbers { isBegun.finish() }
                try await journal.note("\(name) came to the end")
            } catch {
                try await journal.note("\(name) failed: \(error is CancellationError)")
            }
        }
        for await _ in began {}
    }

    /// Returns a stream of its own, while which its argument can be read.
    distributed func beside(_ numbers: ResponseStream<Int>, _ name: String) async throws -> ResponseStream<Int> {
        try await outlive(numbers, name)
        return ResponseStream([1, 2, 3])
    }

    /// Keeps its argument without reading it.
    distributed func keep(_ numbers: ResponseStream<Int>) { kept = numbers }
    distributed func readKept() async throws -> Int {
        guard let kept else { return -1 }
        return try await kept.reduce(0, +)
    }
    distributed func nested() -> [ResponseStream<Int>] { [ResponseStream([1])] }
}

extension Streams {
    /// One that the language runtime calls.
    distributed func outliveByRuntime(_ numbers: ResponseStream<Int>, _ name: String) async throws {
        try await outlive(numbers, name)
    }
}

/// Passes on the streams of another deployment.
@Deployment
distributed actor StreamRelay {
    private let streams: Streams

    init(streams: Streams) {
        self.streams = streams
    }

    distributed func count(to end: Int) async throws -> ResponseStream<Int> { try await streams.count(to: end) }
    distributed func silence(_ name: String) async throws -> ResponseStream<Int> { try await streams.silence(name) }
    distributed func doubled(_ numbers: ResponseStream<Int>) async throws -> ResponseStream<Int> {
        try await streams.doubled(numbers)
    }
}
