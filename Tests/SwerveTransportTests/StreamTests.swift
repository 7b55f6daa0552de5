import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveReplica
import Synchronization
import TestSupport
import Testing

@testable import SwerveTransport

distributed actor Source: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Source { Source() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Source>] { [] }

    init() {
        self.actorSystem = .ofNewActor
    }

    /// Elements whose sizes grow and shrink.
    distributed func patterns(_ count: Int, upTo bytes: Int) -> ResponseStream<ByteBuffer> {
        ResponseStream { writer in
            for number in 0..<count {
                try await writer.write(pattern(number * 7_919 % (bytes + 1), seed: UInt64(number)))
            }
        }
    }

    distributed func silence(after count: Int) -> ResponseStream<Int> {
        ResponseStream { writer in
            for number in 0..<count { try await writer.write(number) }
            let (silence, _) = AsyncStream.makeStream(of: Void.self)
            for await _ in silence {}
        }
    }

    distributed func fail(after count: Int) -> ResponseStream<ByteBuffer> {
        ResponseStream { writer in
            for number in 0..<count { try await writer.write(pattern(1000, seed: UInt64(number))) }
            throw Odd(number: count)
        }
    }

    distributed func returned(_ stream: ResponseStream<ByteBuffer>) -> ResponseStream<ByteBuffer> { stream }

    distributed func total(of stream: ResponseStream<ByteBuffer>) async throws -> Int {
        try await stream.reduce(0) { $0 + $1.readableBytes }
    }
}

@Suite struct ResponseStreamTests {
    /// Runs `body` with a handle of a replica at the other end of a socket.
    private func withSource(small: Bool = false, _ body: (Source, SocketEnds) async throws -> Void) async throws {
        let ends = try await SocketEnds(small: small)
        let id = DeploymentID(application: "streams", deployment: "\(Self.names.withLock { $0 += 1; return $0 })")
        let replica = ReplicaID(deployment: id, number: 1)
        ends.right.hosted.add(HostedReplica(id: replica, actor: Source(), limit: 100))
        let member = Pool.Member(ends.left.remote(replica), maxOngoingRequests: 100)
        let pool = ServeSystem.detached.pools.pool(id)
        pool.update([member], options: PoolOptions())
        try await body(ServeSystem.detached.handle(Source.self, id), ends)
        try await eventually("nothing is left: \(pool.load)") { pool.load.ongoing == 0 }
        pool.update([], options: PoolOptions())
        try await ends.close()
    }
    private static let names = Mutex(0)

    @Test(arguments: [false, true])
    func elementsOfAllSizesArriveWhole(small: Bool) async throws {
        try await withSource(small: small) { source, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for size in [10, 20_000, 300_000, 3 << 20] {
                    group.addTask {
                        let count = 50_000_000 / (1_000_000 + 40 * size)
                        var number = 0
                        for try await element in try await source.patterns(count, upTo: size) {
                            #expect(element == pattern(number * 7_919 % (size + 1), seed: UInt64(number)))
                            number += 1
                        }
                        #expect(number == count)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: [false, true])
    func argumentsArriveWhole(small: Bool) async throws {
        try await withSource(small: small) { source, _ in
            let sizes = [0, 1, 16_384, 1 << 20, (1 << 20) + 1, 3 << 20]
            let argument = ResponseStream(sizes.map { pattern($0) })
            let total = try await source.total(of: argument)
            #expect(total == sizes.reduce(0, +))
        }
    }

    @Test(arguments: [false, true])
    func aStreamThatComesBackIsTheSame(small: Bool) async throws {
        try await withSource(small: small) { source, _ in
            let sizes = [5, 40_000, 0, 2 << 20, 7]
            let back = try await source.returned(ResponseStream(sizes.map { pattern($0) }))
            let elements = try await back.reduce(into: []) { $0.append($1) }
            #expect(elements == sizes.map { pattern($0) })
        }
    }

    @Test func theErrorComesAfterElementsThatWaitForTheReader() async throws {
        try await withSource(small: true) { source, _ in
            var count = 0
            await #expect(throws: Odd(number: 900)) {
                for try await element in try await source.fail(after: 900) {
                    #expect(element == pattern(1000, seed: UInt64(count)))
                    count += 1
                }
            }
            #expect(count == 900)
        }
    }

    @Test func aConnectionThatBreaksEndsTheStream() async throws {
        try await withSource { source, ends in
            var iterator = try await source.silence(after: 3).makeAsyncIterator()
            for number in 0..<3 { #expect(try await iterator.next() == number) }
            ends.right.connection.close(because: "the test breaks it")
            let error = await #expect(throws: ServeError.self) { try await iterator.next() }
            #expect(error?.code == .replicaLost)
        }
    }

    @Test func aConnectionThatBreaksEndsTheArgumentsOfItsCalls() async throws {
        try await withSource { source, ends in
            let (ended, continuation) = AsyncStream.makeStream(of: Bool.self)
            let argument = ResponseStream<ByteBuffer> { writer in
                do { while true { try await writer.write(pattern(1000)) } } catch {
                    continuation.yield(error is CancellationError)
                    continuation.finish()
                }
            }
            let call = Task { try await source.returned(argument).first { _ in true } }
            _ = try await call.value
            for await isCancelled in ended { #expect(isCancelled) }
            let other = try await source.silence(after: 1)
            ends.left.connection.close(because: "the test breaks it")
            let error = await #expect(throws: ServeError.self) { for try await _ in other {} }
            #expect(error?.code == .replicaLost)
        }
    }

    @Test func manyStreamsEndedAtAnyTimeLeaveNothing() async throws {
        try await withSource { source, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        var random = SplitMix64(seed: UInt64(number))
                        let length = random.next(below: 3_000)
                        switch random.next(below: 4) {
                        case 0:
                            for try await value in try await source.silence(after: length) where value == length / 2 {
                                break
                            }
                        case 1:
                            let task = Task { for try await _ in try await source.silence(after: length) {} }
                            for _ in 0..<random.next(below: 50) { await Task.yield() }
                            task.cancel()
                            _ = await task.result
                        case 2: _ = try await source.silence(after: length)
                        default:
                            let stream = try await source.returned(source.patterns(length % 50, upTo: 5_000))
                            var count = 0
                            for try await _ in stream { count += 1 }
                            #expect(count == length % 50)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
