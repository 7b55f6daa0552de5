internal import NIOCore
internal import SwerveCore

/// Which processes have not yet confirmed that they acted on what was published before a fence.
struct Fences {
    typealias Done = @Sendable () -> Void
    private struct Fence {
        let number: UInt64
        var missing: Set<ReplicaID>
        let done: Done
    }
    private var fences: [Fence] = []
    private var last: UInt64 = 0

    /// - Returns: the fence's number; `nil` if nobody has to confirm it.
    mutating func add(_ callers: Set<ReplicaID>, _ done: @escaping Done) -> UInt64? {
        if callers.isEmpty { return nil }
        last += 1
        fences.append(Fence(number: last, missing: callers, done: done))
        return last
    }

    /// A process confirms a fence, and so all earlier ones.
    ///
    /// - Returns: what to do now that fences are passed, in order.
    mutating func passed(_ number: UInt64, by caller: ReplicaID) -> [Done] {
        for index in fences.indices where fences[index].number <= number { fences[index].missing.remove(caller) }
        return takePassed()
    }

    /// Those that have not confirmed a fence, if it is still there.
    func missing(_ number: UInt64) -> [ReplicaID] {
        fences.first { $0.number == number }.map { $0.missing.sorted { $0.number < $1.number } } ?? []
    }

    /// A process is gone, and so calls nobody.
    mutating func remove(_ caller: ReplicaID) -> [Done] {
        for index in fences.indices { fences[index].missing.remove(caller) }
        return takePassed()
    }

    private mutating func takePassed() -> [Done] {
        defer { fences.removeAll { $0.missing.isEmpty } }
        return fences.filter(\.missing.isEmpty).map(\.done)
    }
}

/// How much processor time a process had used at some time.
struct Progress {
    let time: NIODeadline
    /// `nil` where it cannot be told.
    let used: Duration?

    /// From this share of one core on, a process counts as busy.
    private static let busyShare = 0.1

    /// Whether the process has been computing rather than waiting.
    func isBusy(since earlier: Progress) -> Bool {
        guard let used, let before = earlier.used else { return false }
        let elapsed = Double((time - earlier.time).nanoseconds)
        return elapsed > 0 && Double((used - before).nanoseconds) >= Self.busyShare * elapsed
    }
}
