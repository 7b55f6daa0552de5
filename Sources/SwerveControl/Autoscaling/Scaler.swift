internal import SwerveCore

/// Decides the target of one autoscaled deployment: asks the policy, and applies factors, bounds and delays to its
/// answer.
///
/// All comparisons are with the target and not with the running replicas, because those that are starting will take
/// their share. Growth takes the number that is wanted when the delay is over. A fall goes only to the highest number
/// that was wanted during the delay, so that a short pause of the load costs no replica.
struct Scaler: Sendable {
    /// What is decided from, besides the load.
    struct Facts: Sendable {
        var deployment: DeploymentID
        var running: Int
        var target: Int
        var maxOngoingRequests: Int
        var bounds: ClosedRange<Int>
    }

    private(set) var settings: Autoscaling
    private var policy: any AutoscalingPolicy
    private(set) var loads = LoadSeries()
    private var wanted = WantedHistory()
    /// Since when more replicas than the target are wanted.
    private var risingSince: MonotonicTime?
    private var lastUpscale: MonotonicTime?
    private var lastDownscale: MonotonicTime?
    /// In a dry run: the target that there would be.
    private var imagined: Int?
    /// For people: what was last decided from.
    private(set) var status: AutoscalingStatus
    /// When ``decide(_:now:)`` has something to do although nothing happens; never too late.
    private(set) var wakeUp: MonotonicTime?

    init(_ settings: Autoscaling) {
        self.settings = settings
        self.policy = settings.policy.make() ?? ConcurrencyPolicy()
        self.status = AutoscalingStatus(
            policy: settings.policy.description,
            minReplicas: settings.minReplicas,
            maxReplicas: settings.maxReplicas,
            load: Load(),
            wanted: 0
        )
    }

    /// Takes other settings. The load stays known; the delays begin anew.
    mutating func use(_ settings: Autoscaling) {
        guard settings != self.settings else { return }
        let loads = loads
        self = Scaler(settings)
        self.loads = loads
    }

    mutating func record(_ load: Load, of source: LoadSource, now: MonotonicTime) {
        loads.record(load, of: source, now: now, lookBack: settings.lookBack)
    }

    mutating func forget(_ source: LoadSource, now: MonotonicTime) {
        loads.forget(source, now: now)
    }

    /// Somebody set the target. It stays at least for the downscale delay.
    mutating func targetWasSet(to target: Int, now: MonotonicTime) {
        risingSince = nil
        wanted.note(target, now: now, kept: longestDelay)
    }

    // MARK: Deciding

    /// - Returns: another target with the reason for it; `nil` to keep the target.
    mutating func decide(_ facts: Facts, now: MonotonicTime) -> Target? {
        var facts = facts
        if settings.isDryRun {
            facts.target = imagined ?? facts.target
            facts.running = facts.target
        }
        loads.prune(lookBack: settings.lookBack, now: now)
        let load = loads.aggregate(settings.aggregation, over: settings.lookBack, now: now)
        let share = min(settings.targetOngoingRequests, Double(facts.maxOngoingRequests))
        let ordinary = limited(scaled(policyAnswer(facts, load, share, now), facts.target), facts.bounds)
        let urgent = urgentTarget(facts, share)
        let asked = max(ordinary, urgent ?? 0)
        wanted.note(asked, now: now, kept: longestDelay)
        status.wanted = asked
        status.load = loads.current
        status.minReplicas = facts.bounds.lowerBound
        status.maxReplicas = facts.bounds.upperBound
        if settings.isDryRun { status.wouldBe = facts.target }
        let next = next(asked, urgent, facts, now)
        guard let next, next != facts.target else {
            wakeUp = nextWakeUp(asked, facts, now)
            return nil
        }
        // The next decision, from the new target, may be due already.
        wakeUp = now
        if next > facts.target { lastUpscale = now } else { lastDownscale = now }
        if asked <= next { risingSince = nil }
        let reason = reason(from: facts, to: next, load: load, share: share, isUrgent: urgent == next)
        status.lastDecision = "\(facts.target) to \(next) replicas: \(reason)"
        if settings.isDryRun {
            imagined = next
            status.wouldBe = next
            return nil
        }
        return Target(replicas: next, decidedBy: .policy, reason: reason)
    }

    private mutating func next(_ asked: Int, _ urgent: Int?, _ facts: Facts, _ now: MonotonicTime) -> Int? {
        let target = facts.target
        // New bounds, or another target capacity, apply at once.
        if !facts.bounds.contains(target) { return limited(target, facts.bounds) }
        if asked > target {
            let since = risingSince ?? now
            risingSince = since
            if since.after(settings.upscaleDelay) <= now { return asked }
            return urgent.flatMap { $0 > target ? $0 : nil }
        }
        risingSince = nil
        guard let highest = wanted.highest(over: fallDelay(target), now: now), highest < target else { return nil }
        // Only the last replica leaves for zero, after its own delay.
        return target == 1 ? highest : max(1, highest)
    }

    /// The number of replicas that needs no delay, if there is one.
    private func urgentTarget(_ facts: Facts, _ share: Double) -> Int? {
        let current = loads.current
        if facts.target == 0, current.total > 0 {
            return limited(Int(settings.upscalingFactor.rounded(.up).limited(to: 1...1e6)), facts.bounds)
        }
        // Replicas that are starting already will take what waits.
        guard settings.startsForQueue, current.queued > 0, facts.running >= facts.target else { return nil }
        guard Double(current.total) > share * Double(facts.target) else { return nil }
        return limited(facts.target + 1, facts.bounds)
    }

    private mutating func policyAnswer(
        _ facts: Facts,
        _ load: Double,
        _ share: Double,
        _ now: MonotonicTime
    ) -> Double {
        let context = AutoscalingContext(
            deployment: facts.deployment,
            settings: settings,
            running: facts.running,
            target: facts.target,
            current: loads.current,
            load: load,
            targetOngoingRequests: share,
            bounds: facts.bounds,
            lastUpscale: lastUpscale,
            lastDownscale: lastDownscale,
            time: now
        )
        return policy.replicas(context)
    }

    /// Applies the factors to the difference from the target. The last replica of a surplus is not kept for a fraction.
    private func scaled(_ answer: Double, _ target: Int) -> Int {
        guard !answer.isNaN else { return target }
        let answer = answer.limited(to: 0...1e6)
        let difference = answer - Double(target)
        let factor = difference > 0 ? settings.upscalingFactor : settings.downscalingFactor
        // Sums of loads are inexact; a millionth of a replica is none.
        let scaled = (Double(target) + (factor * difference).limited(to: -1e6...1e6) - 1e-6).rounded(.up)
        let whole = Int(scaled.limited(to: 0...1e6))
        let needed = Int((answer - 1e-6).rounded(.up))
        return needed < target && whole == target ? target - 1 : whole
    }

    private func limited(_ replicas: Int, _ bounds: ClosedRange<Int>) -> Int {
        min(max(replicas, bounds.lowerBound), bounds.upperBound)
    }

    private func fallDelay(_ target: Int) -> Duration {
        target <= 1 ? settings.downscaleToZeroDelay ?? settings.downscaleDelay : settings.downscaleDelay
    }

    private var longestDelay: Duration {
        max(settings.downscaleDelay, settings.downscaleToZeroDelay ?? settings.downscaleDelay)
    }

    // MARK: Time

    /// While the look-back contains a change, its mean moves although nothing happens.
    private var aggregationStep: Duration { min(max(settings.lookBack / 10, .milliseconds(20)), .seconds(1)) }

    private func nextWakeUp(_ asked: Int, _ facts: Facts, _ now: MonotonicTime) -> MonotonicTime? {
        var times: [MonotonicTime] = []
        if !loads.isSteady(lookBack: settings.lookBack, now: now) { times.append(now + aggregationStep) }
        if let risingSince { times.append(risingSince.after(settings.upscaleDelay)) }
        if asked < facts.target, let fall = wanted.nextFall(over: fallDelay(facts.target), now: now) {
            times.append(fall)
        }
        if let period = policy.period { times.append(now.after(max(period, .milliseconds(100)))) }
        return times.min()
    }

    // MARK: For people

    private func reason(from facts: Facts, to next: Int, load: Double, share: Double, isUrgent: Bool) -> String {
        if !facts.bounds.contains(facts.target) {
            return "the bounds are \(facts.bounds.lowerBound) to \(facts.bounds.upperBound)"
        }
        let current = loads.current
        if isUrgent, next > facts.target {
            let state = facts.target == 0 ? "there is no replica" : "all \(facts.target) replicas are busy"
            return "\(state); \(current)"
        }
        let rounded = (load * 10).rounded() / 10
        return "the load is \(rounded) requests (\(current)), and one replica should have \(share)"
    }
}

extension Double {
    fileprivate func limited(to range: ClosedRange<Double>) -> Double {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
