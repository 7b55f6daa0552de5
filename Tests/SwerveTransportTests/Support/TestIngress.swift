import Dispatch
import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import SwerveReplica
import Synchronization

@testable import SwerveTransport

/// Bytes that differ at every position, so that a lost, doubled or misplaced part shows.
func pattern(_ count: Int, seed: UInt64 = 1) -> ByteBuffer {
    var random = SplitMix64(seed: seed)
    var bytes = ByteBufferAllocator().buffer(capacity: count + 8)
    for _ in 0..<(count + 7) / 8 { bytes.writeInteger(random.next()) }
    return bytes.getSlice(at: 0, length: count) ?? ByteBuffer()
}

/// A flag that one thread sets and others read.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

/// Blocks an event loop until it is released.
struct HeldLoop {
    private let semaphore = DispatchSemaphore(value: 0)

    init(_ loop: any EventLoop) async {
        let semaphore = semaphore
        await withCheckedContinuation { continuation in
            loop.execute {
                continuation.resume()
                semaphore.wait()
            }
        }
    }

    func release() { semaphore.signal() }
}

/// A gate that one side opens and the other waits for.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// Answers calls, and HTTP requests in every way.
distributed actor TestIngress: HTTPIngress {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> TestIngress {
        TestIngress()
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<TestIngress>] {
        [
            DeploymentMethod("echo(_:)") {
                (actor: isolated TestIngress, arguments: inout InvocationDecoder, results: ResultHandler) in
                let bytes: ByteBuffer = try arguments.decodeNextArgument()
                try results.returned(actor.echo(bytes))
            },
            DeploymentMethod("made(_:)") {
                (actor: isolated TestIngress, arguments: inout InvocationDecoder, results: ResultHandler) in
                let count: Int = try arguments.decodeNextArgument()
                try results.returned(actor.made(count))
            },
        ]
    }

    static let id = ReplicaID(deployment: DeploymentID(application: "sockets", deployment: "TestIngress"), number: 1)

    private let gate: Gate

    init(gate: Gate = Gate()) {
        self.actorSystem = .ofNewActor
        self.gate = gate
    }

    distributed func echo(_ bytes: ByteBuffer) -> ByteBuffer { bytes }
    distributed func made(_ count: Int) -> ByteBuffer { pattern(count) }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let parts = request.path.split(separator: "/")
        switch parts.first {
        case "whole": return .bytes(try await request.body.collect())
        // Streams the bytes that it reads.
        case "echo":
            let body = request.body
            return ServeResponse(
                body: .stream { writer in for try await bytes in body { try await writer.write(bytes) } }
            )
        case "gate":
            await gate.pass()
            return .bytes(try await request.body.collect())
        // `/download/SIZE/PART`: SIZE bytes in parts of PART bytes.
        case "download":
            let (size, part) = (Int(parts[1]) ?? 0, Int(parts[2]) ?? 1)
            return ServeResponse(
                body: .stream { writer in
                    var rest = pattern(size)
                    while rest.readableBytes > 0 {
                        try await writer.write(rest.readSlice(length: min(part, rest.readableBytes)) ?? ByteBuffer())
                    }
                }
            )
        default: throw ServeHTTPError(.notFound, "nothing there")
        }
    }
}

extension HostedReplicas {
    /// Hosts the ingress.
    @discardableResult
    func addIngress(_ gate: Gate = Gate(), limit: Int = 1_000) -> HostedReplica {
        let replica = HostedReplica(id: TestIngress.id, actor: TestIngress(gate: gate), limit: limit)
        add(replica)
        return replica
    }
}
