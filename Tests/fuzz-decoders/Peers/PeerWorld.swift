import Distributed
import NIOCore
import NIOEmbedded
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import SwerveReplica
import SwerveTransport
import Synchronization

/// Runs the tasks of fuzzed replicas and callers on the fuzzing thread.
final class FuzzExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs all jobs, including those that they enqueue.
    func run() -> Bool {
        var hasRun = false
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            hasRun = true
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
        return hasRun
    }
}

/// A wire that takes everything, and counts what must happen once.
final class FuzzWire: Wire {
    let eventLoop: any EventLoop
    private let state = Mutex((sent: ByteBuffer(), isClosed: false, writingEnds: 0))

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }
    var writingEnds: Int { state.withLock { $0.writingEnds } }

    func take() -> ByteBuffer {
        state.withLock { state in
            defer { state.sent = ByteBuffer() }
            return state.sent
        }
    }

    func write(_ bytes: WireBytes) -> WireOutcome {
        state.withLock { state in
            for part in bytes.parts { state.sent.writeImmutableBuffer(part) }
            state.sent.writeImmutableBuffer(bytes.tail)
        }
        return .written(bytes.count)
    }
    func writeEventually(_ bytes: WireBytes, done: @escaping @Sendable () -> Void) {
        preconditionFailure("this wire is never full")
    }
    func closeWriting() { state.withLock { $0.writingEnds += 1 } }
    func close() { state.withLock { $0.isClosed = true } }
}

/// Records what a connection reports to its process.
final class FuzzDelegate: PeerDelegate {
    private let state = Mutex((messages: [String](), closed: [String]()))
    var messages: [String] { state.withLock { $0.messages } }
    var closed: [String] { state.withLock { $0.closed } }

    func received(_ hello: Hello, on connection: PeerConnection) {
        state.withLock { $0.messages.append("\(hello.processID) \(hello.replica.map { "\($0)" } ?? "")") }
    }
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        state.withLock { $0.messages.append("\(message)") }
    }
    func closed(_ connection: PeerConnection, reason: String) {
        state.withLock { $0.closed.append(reason) }
    }
}

/// One end of a connection, with everything that runs on it.
struct PeerWorld {
    static let replica = ReplicaID(deployment: DeploymentID(application: "fuzz", deployment: "FuzzActor"), number: 1)

    let loop = EmbeddedEventLoop()
    let executor = FuzzExecutor()
    let hosted = HostedReplicas(.detached)
    let delegate = FuzzDelegate()
    let wire: FuzzWire
    let connection: PeerConnection

    /// - Parameter isHosting: whether it has a replica that the peer may call.
    init(isHosting: Bool) {
        wire = FuzzWire(loop)
        connection = PeerConnection(wire: wire, delegate: delegate, hosted: hosted)
        guard isHosting else { return }
        hosted.kept.listen(at: "/fuzz")
        hosted.add(HostedReplica(id: Self.replica, actor: FuzzActor(), limit: 6, execution: .pool(executor)))
    }

    func receive(_ bytes: ByteBuffer) {
        guard !wire.isClosed else { return }
        connection.received(bytes)
        connection.readComplete()
    }

    /// Runs everything until nothing more happens.
    func settle() {
        repeat { loop.run() } while executor.run()
    }

    /// Receives the bytes in random pieces, sometimes with work in between.
    func receive(_ input: UnsafeBufferPointer<UInt8>, _ random: inout SeededGenerator) {
        let pieces = [1, 1, 2, 5, 40][Int.random(in: 0..<5, using: &random)]
        var start = 0
        for piece in 1...pieces {
            let end = piece == pieces ? input.count : Int.random(in: start...input.count, using: &random)
            receive(ByteBuffer(bytes: UnsafeBufferPointer(rebasing: input[start..<end])))
            start = end
            if Bool.random(using: &random) { loop.run() }
            if Bool.random(using: &random) { settle() }
        }
        settle()
    }

    /// Ends the connection, unless the peer was cut off before.
    ///
    /// - Throws: ``WrongResult`` when something is left over, or did not happen exactly once.
    func end() throws(WrongResult) {
        if wire.isClosed { connection.ended("it was closed") } else { connection.ended("over") }
        settle()
        let ongoing = hosted[Self.replica]?.ongoing ?? 0
        guard delegate.closed.count == 1, wire.writingEnds == 1 else {
            throw WrongResult(message: "closed \(delegate.closed), and its write side \(wire.writingEnds) times")
        }
        guard connection.load == (0, 0, 0), ongoing == 0, hosted.assembledBytes == 0, hosted.kept.load == (0, 0) else {
            throw WrongResult(
                message: "left over: \(connection.load), \(ongoing) requests, \(hosted.assembledBytes) bytes of calls, "
                    + "\(hosted.kept.load) results; \(delegate.closed)"
            )
        }
    }
}

struct FuzzValue: Codable, Sendable, Equatable {
    enum Shape: Codable, Sendable, Equatable {
        case point
        case circle(radius: Double)
        case named(String, [Int: String]?)
        indirect case both(Shape, Shape)
    }
    var number = 42
    var text = "grüße"
    var holes: [Int?] = [1, nil, 3]
    var byName: [String: [Float]] = ["a": [1.5], "": []]
    var shapes: [Shape] = [.point, .circle(radius: 2), .named("n", [1: "x"]), .both(.point, .both(.point, .point))]
    var raw = ByteBuffer(bytes: [0, 255, 7])
    var optional: String?
    var deep: [[[UInt8]]] = [[[1, 2], []], []]
}

struct FuzzFailure: Error, Codable { var number: Int }

/// The replica that fuzzed requests reach.
distributed actor FuzzActor: HTTPIngress {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> FuzzActor { FuzzActor() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<FuzzActor>] {
        [
            DeploymentMethod("value(_:_:)") {
                (actor: isolated FuzzActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let value: FuzzValue = try arguments.decodeNextArgument()
                let text: String = try arguments.decodeNextArgument()
                try results.returned(actor.value(value, text))
            },
            DeploymentMethod("large(_:)") {
                (actor: isolated FuzzActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let size: Int = try arguments.decodeNextArgument()
                try results.returned(actor.large(size))
            },
            DeploymentMethod("hang()") {
                (actor: isolated FuzzActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                try await actor.hang()
            },
            DeploymentMethod("fail()") {
                (actor: isolated FuzzActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                try actor.fail()
            },
        ]
    }

    init() {
        self.actorSystem = .ofNewActor
    }

    distributed func value(_ value: FuzzValue, _ text: String) -> FuzzValue { value }
    distributed func large(_ size: Int) -> ByteBuffer { ByteBuffer(repeating: 3, count: min(max(size, 0), 1 << 21)) }
    distributed func hang() async throws {
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        try Task.checkCancellation()
    }
    distributed func fail() throws { throw FuzzFailure(number: 7) }
    /// Not among the methods above, so the language runtime finds it.
    distributed func unlisted(_ text: String) -> String { text }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/stream":
            let body = request.body
            return ServeResponse(
                body: .stream { writer in for try await bytes in body { try await writer.write(bytes) } }
            )
        case "/fail": throw FuzzFailure(number: 8)
        case "/ignore": return .text("ignored")
        default: return .bytes(try await request.body.collect(upTo: 1 << 20))
        }
    }
}
