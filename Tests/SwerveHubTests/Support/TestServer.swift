import Hummingbird
import Logging
import ServiceLifecycle
import Synchronization

typealias Handler = @Sendable (Request) async throws -> Response

/// Runs a server on a free port of the loopback interface while `body` runs, and passes `body` its address.
func withServer<Result: Sendable>(
    _ handler: @escaping Handler,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let ports = AsyncStream.makeStream(of: Int.self)
    let logger = Logger(label: "server") { _ in SwiftLogNoOpLogHandler() }
    let application = Application(
        responder: CallbackResponder<BasicRequestContext> { request, _ in try await handler(request) },
        configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { ports.continuation.yield($0.localAddress?.port ?? 0) },
        logger: logger
    )
    let services = ServiceGroup(configuration: .init(services: [application], logger: logger))
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await services.run() }
        var iterator = ports.stream.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        do {
            let result = try await body("http://127.0.0.1:\(port)")
            await services.triggerGracefulShutdown()
            return result
        } catch {
            // Does not cancel: NIO traps when a connection arrives while its server is being dropped.
            await services.triggerGracefulShutdown()
            throw error
        }
    }
}

/// Holds tasks until it is opened, and reports their arrival. Cancelling the test opens it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var isGivenUp = false
        var arrived = 0
        var held: [CheckedContinuation<Void, Never>] = []
        var awaited: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// Waits until the gate is open.
    func pass() async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                state.arrived += 1
                let ready = state.awaited.filter { $0.count <= state.arrived }.map(\.continuation)
                state.awaited.removeAll { $0.count <= state.arrived }
                if state.isOpen { return ready + [continuation] }
                state.held.append(continuation)
                return ready
            }
            for continuation in ready { continuation.resume() }
        }
    }

    /// Waits until this many tasks have arrived.
    func arrivals(_ count: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.arrived >= count || state.isGivenUp { return true }
                    state.awaited.append((count, continuation))
                    return false
                }
                if isThere { continuation.resume() }
            }
        } onCancel: {
            open()
            let awaited = state.withLock { state in
                state.isGivenUp = true
                defer { state.awaited = [] }
                return state.awaited
            }
            for (_, continuation) in awaited { continuation.resume() }
        }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}

/// All gates of a test.
final class Gates: Sendable {
    private let list = Mutex<[Gate]>([])

    func make() -> Gate {
        let gate = Gate()
        list.withLock { $0.append(gate) }
        return gate
    }

    func openAll() {
        for gate in list.withLock({ $0 }) { gate.open() }
    }
}
