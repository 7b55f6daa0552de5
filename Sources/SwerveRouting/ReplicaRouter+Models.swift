package import SwerveCore

/// Replicas with models, and requests that name one.
extension ReplicaRouter {
    /// Whether the replicas have models.
    package var hasModels: Bool { models.isInUse }

    /// A replica says which models it has.
    ///
    /// - Returns: the waiting requests that now have a lease.
    package mutating func know(
        _ report: ReplicaModels,
        of replica: ReplicaID,
        now: MonotonicTime,
        using generator: inout SplitMix64
    ) -> [Assignment] {
        time = now
        models.know(report, of: replica)
        return assignAll(using: &generator)
    }

    // MARK: Choosing

    /// Assigns the next request that need not wait. The first one in the queue may wait for a replica that has its model.
    mutating func assignNextByModel(using generator: inout SplitMix64) -> Assignment? {
        guard replicas.contains(where: \.hasRoom) else { return nil }
        let first = queue.first(ModelRouting.lookAhead)
        let preferred = models.next(first.map(\.request.modelID), among: replicas, now: time)
        for index in [preferred] + first.indices where index < first.count {
            guard let slot = choose(for: first[index].request, using: &generator) else { continue }
            _ = queue.leave(first[index].ticket)
            lease(slot)
            return Assignment(ticket: first[index].ticket, slot: slot)
        }
        return nil
    }
}
