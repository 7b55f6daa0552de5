import NIOCore
import Swerve

/// Makes and takes streams, and tells a journal what happens to them.
@Deployment
distributed actor Streams: RoutedIngress {
    private let journal: Journal

    init(journal: Journal) {
        self.journal = journal
    }

    static let routes: HTTPRoutes<Streams> = [
        .get("/count") { streams, request in try streams.count(to: 5).response(to: request) },
        .get("/fail") { streams, request in try streams.count(to: 5, failingAfter: 2).response(to: request) },
        .get("/text") { streams, _ in .chunks(ResponseStream(["Once ", "upon ", "a time"])) },
        .get("/silence") { streams, request in try streams.silence("http").response(to: request) },
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
    distributed func nested() -> [ResponseStream<Int>] { [ResponseStream([1])] }
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
