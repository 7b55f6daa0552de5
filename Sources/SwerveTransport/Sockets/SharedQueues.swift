package import SwerveActors
package import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// The counts of waiting requests in memory that the processes of one instance on a machine share: a row for each
/// deployment, a column for each process.
///
/// Each process writes only its own column, before it reads the others. So of two processes that queue a request at the
/// same moment, at least one sees the other's, and the limit is never exceeded. A process holds a lock on its column; the
/// system releases that when the process ends, and the next process that finds a queue full clears the column.
package final class SharedQueues: SharedQueueCounts {
    package static let processes = 128
    package static let deployments = 512

    fileprivate let words: SharedWords
    fileprivate let path: String
    fileprivate let column: Int
    private let lock: LockedFile

    /// - Parameters:
    ///   - path: the file of the memory. Files of locks are made beside it.
    ///   - create: whether to make the file; otherwise it must be there.
    /// - Throws: ``ServeError`` with code `system`, also if all columns are taken.
    package init(path: String, create: Bool) throws(ServeError) {
        do throws(SystemFailure) {
            let count = Self.deployments * (1 + Self.processes)
            words = try SharedWords(path: path, count: count, create: create)
            var claim: (column: Int, lock: LockedFile)?
            for column in 0..<Self.processes where claim == nil {
                if let lock = try LockedFile(Self.lockPath(path, column), makingWith: 0o600) { claim = (column, lock) }
            }
            guard let claim else { throw SystemFailure("claim a column", path, .exists) }
            (self.path, column, lock) = (path, claim.column, claim.lock)
        } catch {
            throw ServeError(.system, "\(error.attempt) of '\(error.path)': \(error.reason)")
        }
        for row in 0..<Self.deployments { words.store(0, at: Self.index(row, column)) }
    }

    package func queue(of deployment: DeploymentID) -> (any SharedQueue)? {
        let hash = Self.hash("\(deployment)")
        // Rows are given out rarely; the lock keeps two processes from taking the same.
        guard let lock = try? LockedFile(waitingFor: "\(path).rows", isShared: false, makingWith: 0o600) else {
            return nil
        }
        defer { lock.unlock() }
        for step in 0..<Self.deployments {
            let row = (Int(hash % UInt64(Self.deployments)) + step) % Self.deployments
            let taken = words.load(at: row)
            if taken == 0 { words.store(hash, at: row) }
            if taken == 0 || taken == hash { return Row(self, row) }
        }
        return nil
    }

    fileprivate static func index(_ row: Int, _ column: Int) -> Int { deployments + row * processes + column }
    fileprivate static func lockPath(_ path: String, _ column: Int) -> String { "\(path).\(column)" }

    /// FNV-1a: the same in every process. Never 0, which marks a free row.
    private static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return max(hash, 1)
    }

    private final class Row: SharedQueue {
        /// How often the others are looked after at most.
        private static let period = Duration.milliseconds(100)

        private let queues: SharedQueues
        private let row: Int
        private let lastLook = Mutex<MonotonicTime?>(nil)

        init(_ queues: SharedQueues, _ row: Int) {
            self.queues = queues
            self.row = row
        }

        func announce(_ count: Int) {
            queues.words.store(UInt64(count), at: SharedQueues.index(row, queues.column))
            // Before the counts of the others are read.
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        }

        var elsewhere: Int {
            var sum = 0
            for column in 0..<SharedQueues.processes where column != queues.column {
                sum += Int(clamping: queues.words.load(at: SharedQueues.index(row, column)) & 0xFFFF_FFFF)
            }
            return sum
        }

        func forgetEnded(now: MonotonicTime) {
            let isDue = lastLook.withLock { last in
                if let last, now - last < Self.period { return false }
                last = now
                return true
            }
            guard isDue else { return }
            for column in 0..<SharedQueues.processes where column != queues.column {
                let index = SharedQueues.index(row, column)
                guard queues.words.load(at: index) > 0,
                    let lock = try? LockedFile(SharedQueues.lockPath(queues.path, column))
                else { continue }
                queues.words.store(0, at: index)
                lock.unlock()
            }
        }
    }
}
