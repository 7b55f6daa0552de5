package import SwerveCore

/// Which proxy processes of an instance there are, and what to do so that as many serve as should: a pure state machine.
///
/// A proxy that ends is replaced. Proxies are replaced on request one at a time, and each new one serves before an old
/// one drains, so that there are never fewer than there should be.
package struct ProxyFleetState: Sendable {
    package enum Action: Hashable, Sendable {
        case start(UInt64)
        /// Take no more connections, finish the open ones and end.
        case drain(UInt64)
        case kill(UInt64)
        /// As many proxies serve as should.
        case complete
        /// All proxies that were to be replaced are gone.
        case replaced
        /// Proxies cannot be started. Attempts go on.
        case failed(reason: String)
        /// No proxy is left, and none will start.
        case ended
    }

    private struct Proxy {
        var phase: ProxyStatus.State
        var processID: Int32?
        /// When the phase began.
        var since: MonotonicTime
        var heard: MonotonicTime
        /// Whether it is to be replaced.
        var isOutdated = false
        var isKilled = false
    }

    /// How many should serve.
    private let wanted: Int
    /// How long a proxy may take to finish its connections.
    private let drainTimeout: Duration
    private var proxies: [UInt64: Proxy] = [:]
    private var next: UInt64 = 1
    private var isReplacing = false
    private var isEnding = false
    private var isComplete = false
    /// Proxies that ended early, one after another.
    private var failures = 0
    /// No proxy starts before this time.
    private var notBefore: MonotonicTime?

    /// How long a process may take from its start until it serves: 10 seconds.
    package static let startTimeout = Duration.seconds(10)
    /// A proxy that does not answer for this long is killed: 15 seconds.
    package static let patience = Duration.seconds(15)
    /// How often proxies are asked whether they still work.
    package static let probePeriod = Duration.seconds(5)
    /// A proxy that served for this long ended for another reason than how it was started.
    private static let goodAge = Duration.seconds(10)
    private static let firstBackOff = Duration.milliseconds(100)
    private static let longestBackOff = Duration.seconds(10)
    /// After so many failures one after another, who waits for proxies is told.
    private static let maximumFailures = 3
    /// What a draining proxy has beyond its time to cut its connections and end.
    private static let lastPatience = Duration.seconds(5)

    /// - Parameter wanted: at least 1.
    package init(wanted: Int, drainTimeout: Duration) {
        self.wanted = wanted
        self.drainTimeout = drainTimeout
    }

    /// In the order of their starts.
    package var status: [ProxyStatus] {
        proxies.sorted { $0.key < $1.key }.map {
            ProxyStatus(number: $0.key, state: $0.value.phase, processID: $0.value.processID)
        }
    }

    // MARK: What is wanted

    package mutating func begin(now: MonotonicTime) -> [Action] { settle(now) }

    /// Replaces every proxy that there is now.
    package mutating func replaceAll(now: MonotonicTime) -> [Action] {
        for number in proxies.keys where proxies[number]?.phase != .draining { proxies[number]?.isOutdated = true }
        isReplacing = true
        failures = 0
        return settle(now)
    }

    /// Ends all proxies.
    package mutating func end(now: MonotonicTime) -> [Action] {
        isEnding = true
        var actions: [Action] = []
        for number in proxies.keys.sorted() {
            switch proxies[number]?.phase {
            case .serving?: actions.append(drain(number, now))
            case .starting?: actions.append(kill(number))
            default: break
            }
        }
        return actions + settle(now)
    }

    // MARK: What happens

    package mutating func launched(_ number: UInt64, processID: Int32) { proxies[number]?.processID = processID }

    package mutating func serves(_ number: UInt64, now: MonotonicTime) -> [Action] {
        guard let proxy = proxies[number], proxy.phase == .starting, !proxy.isKilled else { return [] }
        change(number, to: .serving, now)
        return settle(now)
    }

    /// It answered.
    package mutating func heard(_ number: UInt64, now: MonotonicTime) { proxies[number]?.heard = now }

    package mutating func exited(_ number: UInt64, reason: String, now: MonotonicTime) -> [Action] {
        guard let proxy = proxies.removeValue(forKey: number) else { return [] }
        if proxy.phase == .draining || isEnding { return settle(now) }
        if proxy.phase == .serving, now - proxy.since >= Self.goodAge {
            failures = 0
            notBefore = nil
            return settle(now)
        }
        failures += 1
        notBefore = now + min(Self.firstBackOff * (1 << min(failures - 1, 10)), Self.longestBackOff)
        var actions: [Action] = []
        if proxy.phase == .starting, failures >= Self.maximumFailures {
            // The old ones stay: they work.
            isReplacing = false
            for number in proxies.keys { proxies[number]?.isOutdated = false }
            actions.append(.failed(reason: reason))
        }
        return actions + settle(now)
    }

    /// Time passed: kills what takes too long, and starts what had to wait.
    package mutating func tick(now: MonotonicTime) -> [Action] {
        let late = proxies.filter { !$0.value.isKilled && now >= limit(of: $0.value) }.keys.sorted()
        return late.map { kill($0) } + settle(now)
    }

    /// When ``tick(now:)`` has something to do next.
    package var nextWakeUp: MonotonicTime? {
        var times = proxies.values.filter { !$0.isKilled }.map { limit(of: $0) }
        if let notBefore, current.count < target { times.append(notBefore) }
        return times.min()
    }

    // MARK: -

    private func limit(of proxy: Proxy) -> MonotonicTime {
        switch proxy.phase {
        case .starting: proxy.since + Self.startTimeout
        case .draining: proxy.since + drainTimeout + Self.lastPatience
        default: proxy.heard + Self.patience
        }
    }

    /// Those that take connections, or will.
    private var current: [UInt64: Proxy] { proxies.filter { $0.value.phase != .draining && !$0.value.isKilled } }

    private var target: Int {
        isEnding ? 0 : wanted + (current.contains { $0.value.isOutdated } ? 1 : 0)
    }

    private mutating func settle(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        let serving = current.filter { $0.value.phase == .serving }
        if serving.count > wanted, let oldest = serving.filter({ $0.value.isOutdated }).keys.min() {
            actions.append(drain(oldest, now))
        }
        while current.count < target, notBefore.map({ now >= $0 }) ?? true {
            actions.append(.start(next))
            proxies[next] = Proxy(phase: .starting, since: now, heard: now)
            next += 1
        }
        return actions + news()
    }

    private mutating func news() -> [Action] {
        if isEnding { return proxies.isEmpty ? [.ended] : [] }
        var news: [Action] = []
        let isComplete = current.count { $0.value.phase == .serving } >= wanted
        if isComplete, !self.isComplete { news.append(.complete) }
        self.isComplete = isComplete
        if isReplacing, isComplete, !proxies.contains(where: { $0.value.isOutdated || $0.value.phase == .draining }) {
            isReplacing = false
            news.append(.replaced)
        }
        return news
    }

    private mutating func drain(_ number: UInt64, _ now: MonotonicTime) -> Action {
        change(number, to: .draining, now)
        return .drain(number)
    }

    private mutating func kill(_ number: UInt64) -> Action {
        proxies[number]?.isKilled = true
        return .kill(number)
    }

    private mutating func change(_ number: UInt64, to phase: ProxyStatus.State, _ now: MonotonicTime) {
        proxies[number]?.phase = phase
        proxies[number]?.since = now
        proxies[number]?.heard = now
    }
}
