import SwerveCore
import SwerveLogs
import Synchronization

extension LogSource {
    static func detector(_ number: UInt64, of application: String = "default") -> LogSource {
        .replica(ReplicaID(deployment: DeploymentID(application: application, deployment: "Detector"), number: number))
    }
}

/// A store whose clock counts its reads.
func makeStore(_ options: LogOptions = LogOptions(), _ files: LogFiles? = nil) -> LogStore {
    let time = Counter()
    return LogStore(options, files: files) { time.next() }
}

final class Counter: Sendable {
    private let value = Mutex(Int64(0))
    func next() -> Int64 {
        value.withLock { value in
            value += 1
            return value
        }
    }
}

extension LogStore {
    func texts(_ query: LogQuery = LogQuery()) -> [String] { read(query).lines.map(\.text) }
}
