import Distributed
import Foundation
import NIOCore
import NIOPosix
import SwerveActors
import SwerveCore
import SwerveReplica
import SwerveSystem
import Synchronization
import Testing

@testable import SwerveTransport

struct Odd: Error, Codable, Equatable { var number: Int }
struct Opaque: Error, CustomStringConvertible { var description: String { "opaque, but described" } }
/// Can be encoded, but not decoded again.
struct OneWay: Error, Codable, CustomStringConvertible {
    var description: String { "one way" }
    init() {}
    init(from decoder: any Decoder) throws { throw CancellationError() }
    func encode(to encoder: any Encoder) throws {}
}

distributed actor Echo: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Echo { Echo() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Echo>] { [] }

    private let events: AsyncStream<String>.Continuation?
    init(_ events: AsyncStream<String>.Continuation? = nil) {
        self.actorSystem = .ofNewActor
        self.events = events
    }

    distributed func echo(_ text: String) -> String { text }
    distributed func size(of bytes: ByteBuffer) -> Int { bytes.readableBytes }
    distributed func fail(_ kind: Int) throws {
        switch kind {
        case 0: throw Odd(number: 7)
        case 1: throw Opaque()
        case 2: throw ServeError(.notFound, "not here")
        case 3: throw CancellationError()
        case 4: throw OneWay()
        default: return
        }
    }
    distributed func hang() async throws {
        events?.yield("began")
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        events?.yield("cancelled: \(Task.isCancelled)")
        try Task.checkCancellation()
    }
    distributed func context() -> String? { ServeContext.current?.requestID }
    distributed func way() -> [String?] {
        [
            ServeContext.current.map { "\($0.priority)" }, ServeContext.current?.sessionKey,
            ServeContext.current?.modelID,
        ]
    }
}

/// Two ends of a connection over a real socket. The calling end calls replicas that the other end hosts.
final class Pair {
    let calling: PeerConnection
    let callee = HostedReplicas(.detached)
    let recorder = Recorder()
    private let group = MultiThreadedEventLoopGroup.singleton
    private let listener: SocketAcceptor
    let path: String
    private static let counter = Mutex(0)

    init() async throws {
        let number = Self.counter.withLock { counter in
            counter += 1
            return counter
        }
        path = "/tmp/swerve-test-\(ProcessInfo.processInfo.processIdentifier)-\(number).sock"
        listener = try UnixSocketNetwork.listen(at: path, on: group, delegate: recorder, hosted: callee)
        calling = try await UnixSocketNetwork().connect(
            to: path,
            on: group.next(),
            delegate: Recorder(),
            hosted: HostedReplicas(.detached)
        ).get()
    }

    func close() async throws {
        calling.close(because: "the test is over")
        listener.stop()
        unlink(path)
    }

    /// Hosts `actor` at the callee and returns a handle to it.
    func handle<D: Deployment>(_ actor: D, named name: String = #function, limit: Int = 10) -> D {
        let id = DeploymentID(application: "transport", deployment: name)
        let replica = ReplicaID(deployment: id, number: 1)
        callee.add(HostedReplica(id: replica, actor: actor, limit: limit))
        let member = Pool.Member(RemoteReplica(replica, [calling]), maxOngoingRequests: 100)
        ServeSystem.detached.pools.pool(id).update([member], options: PoolOptions())
        return ServeSystem.detached.handle(D.self, id)
    }
}

@Suite struct CallTests {
    @Test func callsOfAllSizesComeBack() async throws {
        let pair = try await Pair()
        let echo = pair.handle(Echo())
        for size in [0, 1, 100, (16 << 10) - 30, 16 << 10, 100_000, 5 << 20] {
            let text = String(repeating: "x", count: size)
            #expect(try await echo.echo(text) == text, "\(size) bytes; \(pair.recorder.closed)")
        }
        #expect(
            try await echo.size(of: ByteBuffer(repeating: 1, count: 20 << 20)) == 20 << 20,
            "\(pair.recorder.closed)"
        )
        try await pair.close()
    }

    @Test func longValuesOfManyCallersAtATimeComeBackWhole() async throws {
        let pair = try await Pair()
        let echo = pair.handle(Repeater(), limit: 100)
        let recorder = pair.recorder
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    for round in 0..<8 {
                        let size = (number * 8 + round) % 5 * 700_000 + number
                        let text = String(repeating: "\(number % 10)", count: size)
                        let answer = try await echo.echo(text)
                        #expect(answer == text, "\(recorder.closed)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(pair.calling.load.streams == 0)
        try await pair.close()
    }

    @Test func manyCallsAtATimeGetTheirOwnAnswers() async throws {
        let pair = try await Pair()
        let echo = pair.handle(Echo(), limit: 10_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let text = String(repeating: "\(number) ", count: number % 7 * 1000)
                    let answer = try await echo.echo(text)
                    #expect(answer == text)
                }
            }
            try await group.waitForAll()
        }
        #expect(echo.load == 0)
        try await pair.close()
    }

    @Test func errorsTravelAsWhatTheyAreOrAsWhatTheySay() async throws {
        let pair = try await Pair()
        let echo = pair.handle(Echo())
        await #expect(throws: Odd(number: 7)) { try await echo.fail(0) }
        let opaque = await #expect(throws: RemoteError.self) { try await echo.fail(1) }
        #expect(opaque?.typeName == "Opaque")
        #expect(opaque?.message == "opaque, but described")
        #expect(opaque?.replica?.number == 1)
        let serve = await #expect(throws: ServeError.self) { try await echo.fail(2) }
        #expect(serve == ServeError(.notFound, "not here"))
        await #expect(throws: CancellationError.self) { try await echo.fail(3) }
        let oneWay = await #expect(throws: RemoteError.self) { try await echo.fail(4) }
        #expect(oneWay?.message == "one way")
        try await echo.fail(5)
        try await pair.close()
    }

    @Test func theRequestsIDTravels() async throws {
        let pair = try await Pair()
        let echo = pair.handle(Echo())
        #expect(try await echo.context() == nil)
        try await ServeContext.$current.withValue(ServeContext(requestID: "id-1")) {
            let context = try await echo.context()
            #expect(context == "id-1")
        }
        try await pair.close()
    }

    @Test func theRequestsAttributesTravel() async throws {
        let pair = try await Pair()
        let echo = pair.handle(Echo())
        #expect(try await echo.way() == [nil, nil, nil])
        #expect(try await echo.options(priority: .high).way() == ["high", nil, nil])
        #expect(try await echo.options(sessionKey: "s%20 1", modelID: "").way() == ["normal", "s%20 1", ""])
        var context = ServeContext(requestID: "")
        context.priority = .low
        context.modelID = "m"
        try await ServeContext.$current.withValue(context) {
            let inherited = try await echo.way()
            #expect(inherited == ["low", nil, "m"])
            let changed = try await echo.options(priority: .normal).options(modelID: "n").way()
            #expect(changed == ["normal", nil, "n"])
        }
        let long = String(repeating: "k", count: 257)
        await #expect(throws: ServeError(.invalidOptions, "sessionKey has 257 bytes; the maximum is 256")) {
            try await echo.options(sessionKey: long).way()
        }
        try await pair.close()
    }

    @Test func cancellingTheCallerCancelsTheCallee() async throws {
        let pair = try await Pair()
        let (events, report) = AsyncStream.makeStream(of: String.self)
        var iterator = events.makeAsyncIterator()
        let echo = pair.handle(Echo(report))
        let call = Task { try await echo.hang() }
        #expect(await iterator.next() == "began")
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(await iterator.next() == "cancelled: true")
        try await pair.close()
    }

    @Test func theEndOfTheConnectionFailsItsCallsAndCancelsTheirTasks() async throws {
        let pair = try await Pair()
        let (events, report) = AsyncStream.makeStream(of: String.self)
        var iterator = events.makeAsyncIterator()
        let echo = pair.handle(Echo(report))
        let call = Task { try await echo.hang() }
        #expect(await iterator.next() == "began")
        pair.calling.close(because: "cut by the test")
        let error = await #expect(throws: ServeError.self) { try await call.value }
        #expect(error?.code == .replicaLost)
        #expect(error?.message.contains("cut by the test") == true)
        #expect(await iterator.next() == "cancelled: true")
        try await pair.close()
    }

    @Test func whatWasSentIsDoneWhenTheOperatingSystemHasIt() async throws {
        let pair = try await Pair()
        pair.calling.send(.ready)
        try await pair.calling.sent().get()
        pair.calling.close(because: "the test is over")
        try? await pair.calling.sent().get()
        try await pair.close()
    }
}

extension Echo {
    /// The number of leases that are taken for this handle's deployment.
    nonisolated var load: Int {
        guard case .pool(let pool) = id.target else { return -1 }
        return pool.load.ongoing
    }
}
