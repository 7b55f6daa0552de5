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
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/pause": Redeployments.shared.pause(true)
        case "/resume": Redeployments.shared.pause(false)
        default: break
        }
        let instance = await Serve.status()
        return try .json(
            Status(redeployments: Redeployments.shared.report, instance: instance, heapBytes: Heap.usedBytes)
        )
    }
}
