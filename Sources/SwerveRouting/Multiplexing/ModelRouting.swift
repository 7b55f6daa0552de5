package import SwerveCore

/// Chooses the replica for requests that name a model, in one calling process and for one deployment.
///
/// Pure: time and randomness are passed in.
///
/// * A request goes to a replica that has its model or is loading it, to the less busy of two. A replica that this
///   process has just sent the model's first request to counts as loading it, so a burst of requests loads it once.
/// * If there is none, it goes to the replica with the most room for models. Where several have as much, a hash of the
///   model and the replica decides, so that all processes decide alike.
/// * A model spreads by its own load. Each request adds how much longer it will probably take than it would on another
///   replica. When the sum exceeds what loading the model takes, the next request loads it there; twice that, if another
///   model would have to go. A load counts as ``minimumLoadTime`` at least. Where all replicas that have the model are full, its requests wait for as long as a load takes;
///   then it spreads, too. While it is being loaded for the first time, they wait.
package struct ModelRouting: Sendable {
    /// How long a replica counts as loading a model that this process chose it for, unless it says so itself: 1 s.
    package static let confirmation = Duration.seconds(1)
    /// After so long, a delay counts half: 30 s. So a model spreads when it is in demand for long.
    package static let halfLife = Duration.seconds(30)
    /// What a load counts as at least when it is asked whether it pays: 250 ms. It takes memory, too, however short it is.
    package static let minimumLoadTime = Duration.milliseconds(250)
    /// For how many models delays are remembered: 1024. Beyond that, all but the latest half are forgotten.
    package static let maximumDelays = 1024

    /// Among how many waiting requests one is looked for whose model is where there is room: 32.
    package static let lookAhead = 32
    /// How many requests may overtake the first one in the queue: 64.
    package static let maximumOvertakings = 64

    private struct Replica {
        var report: ReplicaModels
        var models: [String: ModelStatus] = [:]
        /// The models that this process sent there to be loaded, and when it stops counting on that.
        var expected: [String: MonotonicTime] = [:]
        var pace = ReplicaPace()

        var room: Int { max(report.maxModels - models.count - expected.count, 0) }
    }

    /// How much longer a model's requests took than they would have elsewhere, in nanoseconds.
    private struct Delay {
        var sum = 0.0
        var time: MonotonicTime
    }

    /// By number.
    private var replicas: [UInt64: Replica] = [:]
    private var delays: [String: Delay] = [:]
    /// The models whose requests wait because the replicas that have them are full, and until when.
    private var waits: [String: MonotonicTime] = [:]
    /// How long a request takes that is alone on its replica, in nanoseconds; `nil` if none was yet.
    private var alone: Double?

    /// How many requests have overtaken the first one in the queue.
    private var overtakings = 0

    package init() {}

    /// Whether the deployment's replicas have models at all.
    package var isInUse: Bool { !replicas.isEmpty }

    // MARK: Events

    /// A replica says which models it has.
    package mutating func know(_ report: ReplicaModels, of id: ReplicaID) {
        var replica = replicas[id.number] ?? Replica(report: report)
        guard report.number >= replica.report.number else { return }
        replica.report = report
        replica.models = Dictionary(report.models.map { ($0.id, $0) }) { first, _ in first }
        for model in replica.models.keys { replica.expected[model] = nil }
        replicas[id.number] = replica
    }

    /// Forgets the replicas that are not among these.
    package mutating func keep(_ ids: [ReplicaID]) {
        guard isInUse else { return }
        let numbers = Set(ids.map(\.number))
        replicas = replicas.filter { numbers.contains($0.key) }
    }

    /// A request begins on a replica.
    package mutating func began(on id: ReplicaID, now: MonotonicTime) {
        replicas[id.number]?.pace.began(now: now)
    }

    /// A request has ended.
    package mutating func ended(on id: ReplicaID, now: MonotonicTime) {
        guard let time = replicas[id.number]?.pace.ended(now: now) else { return }
        alone = alone.map { $0 + (time - $0) / 8 } ?? time
    }

    /// A replica did not take the latest request.
    package mutating func refused(by id: ReplicaID) { replicas[id.number]?.pace.refused() }

    // MARK: Choosing

    /// - Parameter isNew: whether the request has just come.
    /// - Returns: a position in `candidates` that has room; `nil` if the request has to wait, because none has, or none
    ///   that is worth a load.
    package mutating func choose(
        _ model: String,
        among candidates: [RoutingReplica],
        isNew: Bool = true,
        now: MonotonicTime,
        using generator: inout SplitMix64
    ) -> Int? {
        var holders: [Int] = []
        var others: [Int] = []
        var isLoading = false
        var loadTime: Duration?
        for (position, candidate) in candidates.enumerated() {
            guard let status = status(of: model, at: candidate.id.number, now) else {
                if candidate.hasRoom { others.append(position) }
                continue
            }
            if status.state == .loaded { loadTime = status.loadTime ?? .zero } else { isLoading = true }
            if candidate.hasRoom { holders.append(position) }
        }
        let target = place(model, others, candidates)
        guard let holder = best(model, of: holders, candidates, using: &generator) else {
            if isLoading { return nil }
            if let loadTime, !hasWaited(model, loadTime, target.map { candidates[$0] }, now) { return nil }
            guard let target else { return nil }
            waits[model] = nil
            expect(model, candidates[target].id.number, now)
            return target
        }
        if isNew { waits[model] = nil }
        if let target, !isLoading, pays(model, candidates[holder], candidates[target], now) {
            delays[model] = nil
            expect(model, candidates[target].id.number, now)
            return target
        }
        return holder
    }

    /// Which of the waiting requests goes next. When replicas get room one request at a time, the first one in the queue
    /// would have its model loaded wherever that is, and the replicas would do little else.
    ///
    /// - Parameter models: those of the first requests in the queue; `nil` for a request without one.
    /// - Returns: a position in `models`.
    package mutating func next(_ models: [String?], among candidates: [RoutingReplica], now: MonotonicTime) -> Int {
        let numbers = candidates.filter(\.hasRoom).map(\.id.number)
        if numbers.isEmpty { return 0 }
        let index = models.firstIndex { model in
            guard let model else { return true }
            return numbers.contains { status(of: model, at: $0, now) != nil }
        }
        guard let index, index > 0, overtakings < Self.maximumOvertakings else {
            overtakings = 0
            return 0
        }
        overtakings += 1
        return index
    }

    /// - Returns: `nil` if the replica does not have the model, and is not expected to.
    private mutating func status(of model: String, at number: UInt64, _ now: MonotonicTime) -> ModelStatus? {
        if let status = replicas[number]?.models[model] { return status }
        guard let until = replicas[number]?.expected[model] else { return nil }
        if until <= now {
            replicas[number]!.expected[model] = nil
            return nil
        }
        return ModelStatus(id: model, state: .loading)
    }

    /// Whether requests for a model have waited for as long as a load at the target would take.
    private mutating func hasWaited(
        _ model: String,
        _ loadTime: Duration,
        _ target: RoutingReplica?,
        _ now: MonotonicTime
    ) -> Bool {
        if let until = waits[model] { return until <= now }
        if waits.count >= Self.maximumDelays { waits = waits.filter { $0.value > now } }
        waits[model] = now + loadTime * loads(at: target)
        return false
    }

    /// When requests that wait have to be asked about again, at the latest.
    package func nextWakeUp(after now: MonotonicTime) -> MonotonicTime? {
        waits.values.lazy.filter { $0 > now }.min()
    }

    /// How many loads a load costs: another model that has to go will be loaded again.
    private func loads(at target: RoutingReplica?) -> Int {
        target.flatMap { replicas[$0.id.number] }.map { $0.room > 0 } ?? false ? 1 : 2
    }

    private mutating func expect(_ model: String, _ number: UInt64, _ now: MonotonicTime) {
        replicas[number]?.expected[model] = now + Self.confirmation
    }

    /// Of those that have the model, the first by hash while it is idle, so that a model that is no longer in demand
    /// is used in one place only; else the less busy of two.
    private func best(
        _ model: String,
        of holders: [Int],
        _ candidates: [RoutingReplica],
        using generator: inout SplitMix64
    ) -> Int? {
        guard holders.count > 1 else { return holders.first }
        let hash = ConsistentHash.hash(model)
        let first = holders.max {
            ConsistentHash.weight(hash, candidates[$0].id.number)
                < ConsistentHash.weight(hash, candidates[$1].id.number)
        }
        if let first, candidates[first].ongoing == 0 { return first }
        let one = generator.next(below: holders.count)
        var other = generator.next(below: holders.count - 1)
        if other >= one { other += 1 }
        let (a, b) = (holders[one], holders[other])
        return candidates[a].ongoing <= candidates[b].ongoing ? a : b
    }

    /// Where to load a model: at a replica that is not much busier than the others, with the most room for models.
    private func place(_ model: String, _ others: [Int], _ candidates: [RoutingReplica]) -> Int? {
        guard others.count > 1 else { return others.first }
        let hash = ConsistentHash.hash(model)
        let ongoing = candidates.reduce(0) { $0 + $1.ongoing }
        let bound = ConsistentHash.bound(ongoing: ongoing, replicas: candidates.count)
        return others.max { left, right in
            key(candidates[left], bound, hash) < key(candidates[right], bound, hash)
        }
    }

    private func key(_ candidate: RoutingReplica, _ bound: Int, _ hash: UInt64) -> (Int, Int, UInt64) {
        let number = candidate.id.number
        let isBusy = candidate.ongoing >= bound
        return (isBusy ? 0 : 1, replicas[number]?.room ?? 0, ConsistentHash.weight(hash, number))
    }

    /// Adds how much longer a request will take at the holder than at the target, and says whether the sum pays a load.
    private mutating func pays(
        _ model: String,
        _ holder: RoutingReplica,
        _ target: RoutingReplica,
        _ now: MonotonicTime
    ) -> Bool {
        guard let there = replicas[holder.id.number], let pace = there.pace.estimate,
            let loadTime = there.models[model]?.loadTime.map({ max($0, Self.minimumLoadTime) })
        else { return false }
        // Where no request was ever alone, there is much to do.
        let elsewhere = max(alone ?? 0, pace.between * Double(target.ongoing + 1))
        let extra = holder.ongoing > target.ongoing ? pace.each - elsewhere : 0
        guard extra > 0 || delays[model] != nil else { return false }
        var delay = delays[model] ?? Delay(time: now)
        delay.sum = max(delay.sum * Decay.factor((now - delay.time) / Self.halfLife) + extra, 0)
        delay.time = now
        delays[model] = delay.sum > 0 ? delay : nil
        if delays.count > Self.maximumDelays { forgetDelays() }
        return delay.sum > Double((loadTime * loads(at: target)).nanoseconds)
    }

    private mutating func forgetDelays() {
        let latest = delays.sorted { ($0.value.time, $0.key) > ($1.value.time, $1.key) }
        delays = Dictionary(uniqueKeysWithValues: latest.prefix(Self.maximumDelays / 2).map { ($0.key, $0.value) })
    }
}
