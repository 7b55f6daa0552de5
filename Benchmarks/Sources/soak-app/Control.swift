import NIOCore
import Swerve
import SwerveSystem
import Synchronization

/// Replaces one application after another while it is not paused.
final class Redeployments: Sendable {
    static let shared = Redeployments()

    struct Report: Codable, Sendable {
        var count = 0
        /// The duration of the slowest redeployment.
        var seconds = 0.0
        var failures: [String] = []
    }

    private let isPaused = Mutex(true)
    private let state = Mutex(Report())

    var report: Report { state.withLock { $0 } }

    func pause(_ paused: Bool) {
        isPaused.withLock { $0 = paused }
    }

    func run(every period: Duration) async throws {
        var generation = Applications.all.count
        while true {
            try await Task.sleep(for: period)
            if isPaused.withLock({ $0 }) { continue }
            let (name, run) = Applications.all[generation % Applications.all.count]
            let start = ContinuousClock.now
            do {
                try await run(generation)
            } catch {
                state.withLock { $0.failures.append("\(name): \(error)") }
            }
            let taken = (ContinuousClock.now - start) / Duration.seconds(1)
            state.withLock { state in
                state.count += 1
                state.seconds = max(state.seconds, taken)
            }
            generation += 1
        }
    }
}

/// The interface for the load driver: `/control/pause`, `/control/resume` and `/control/status`.
@Deployment(placement: .inProcess)
distributed actor Control: HTTPIngress {
    private struct Status: Codable {
        var redeployments: Redeployments.Report
        var instance: ServeStatus
        /// The memory that the allocator has handed out, in bytes.
        var heapBytes: Int
        /// What the application `calls` still has of earlier calls.
        var leftovers: [String]
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/pause": Redeployments.shared.pause(true)
        case "/resume": Redeployments.shared.pause(false)
        default: break
        }
        let instance = await Serve.status()
        return try .json(
            Status(
                redeployments: Redeployments.shared.report,
                instance: instance,
                heapBytes: Heap.usedBytes,
                leftovers: try await leftovers()
            )
        )
    }

    private func leftovers() async throws -> [String] {
        let caller = try await Serve.deploymentHandle("Caller", application: "calls", as: Caller.self)
        let source = try await Serve.deploymentHandle("Source", application: "calls", as: Source.self)
        let own = [caller.debugDescription, source.debugDescription].filter { !$0.contains("0 queued)") }
        let callers = await caller.broadcast { try await $0.leftovers() }
        let sources = await source.broadcast { try await $0.leftovers() }
        let left = (callers + sources).compactMap { answer in
            let text = (try? answer.result.get()) ?? ""
            return text.isEmpty ? nil : "\(answer.replica): \(text)"
        }
        return own + left
    }
}
