internal import CoreMetrics
internal import SwerveActors
internal import SwerveCore
internal import SwerveMetrics
internal import Synchronization

/// The backend of swift-metrics: what user code counts appears with the instance's own metrics, with the labels of the
/// replica that counts.
///
/// Counters, meters and recorders keep their names. Recorders that aggregate are histograms. Timers are histograms in
/// seconds, and their names end with `_seconds`. A metric that is destroyed stays, because what it has counted must not
/// fall; made again, it goes on.
struct UserMetrics: MetricsFactory {
    private let registry: MetricRegistry
    private let labels: [MetricLabel]

    // MARK: Bootstrapping

    /// What code counts in this process that belongs to no replica.
    private static let process = ProcessMetrics()

    /// That as an instance shows it; nothing if the backend is another one.
    static var ofThisProcess: [ProcessMetrics] { isBootstrapped.withLock { $0 } ? [process] : [] }

    private static let isBootstrapped = Mutex(false)

    /// Makes this the process's backend, unless the program has made another one that.
    ///
    /// - Parameter replica: the replica that the process is for, and where it counts.
    static func bootstrap(for replica: (ReplicaID, ProcessMetrics)? = nil) {
        isBootstrapped.withLock { isBootstrapped in
            guard !isBootstrapped, MetricsSystem.factory is NOOPMetricsHandler else { return }
            if let (id, metrics) = replica {
                MetricsSystem.bootstrap(UserMetrics(registry: metrics.registry, labels: id.labels))
            } else {
                MetricsSystem.bootstrap(UserMetrics(registry: process.registry, labels: []))
                isBootstrapped = true
            }
        }
    }

    /// Where a metric counts that is made now: for one that the initialiser of an in-process replica makes, with that
    /// replica.
    private var place: UserMetrics {
        guard labels.isEmpty, let (system, replica) = ServeSystem.newReplica else { return self }
        return UserMetrics(registry: system.pools.metrics.registry(of: replica), labels: replica.labels)
    }

    // MARK: Factory

    private func all(_ dimensions: [(String, String)]) -> [MetricLabel] {
        let own = dimensions.prefix(MetricLimits.labels).map { MetricLabel($0.0, $0.1) }
        return MetricNames.labels(own, beside: labels)
    }

    private func counter(_ label: String, _ dimensions: [(String, String)], floating: Bool) -> MetricWord {
        let place = place
        return place.registry.counter(label, place.all(dimensions), floating: floating)
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> Word {
        let place = place
        return Word(word: place.registry.gauge(label, place.all(dimensions), floating: true))
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)], _ bounds: MetricBounds, floating: Bool)
        -> Histogram
    {
        let place = place
        return Histogram(
            histogram: place.registry.histogram(label, place.all(dimensions), bounds, floating: floating)
        )
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Word(word: counter(label, dimensions, floating: false))
    }
    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        Sum(word: counter(label, dimensions, floating: true))
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return gauge(label, dimensions) }
        return histogram(label, dimensions, Self.values, floating: true)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("seconds") ? label : "\(label)_seconds"
        return histogram(name, dimensions, Self.times, floating: false)
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    /// 1, 2 and 5 of each power of ten from a thousandth to a million.
    private static let values = MetricBounds(
        (-3..<6).flatMap { power in [1, 2, 5].map { $0 * Self.power(power) } } + [1e6]
    )
    /// In seconds, observed in nanoseconds.
    private static let times = MetricBounds(
        [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
        scale: 1e-9
    )

    private static func power(_ exponent: Int) -> Double {
        (0..<abs(exponent)).reduce(1.0) { value, _ in exponent < 0 ? value / 10 : value * 10 }
    }

    // MARK: Handlers

    /// A counter or a gauge.
    private final class Word: CounterHandler, MeterHandler, RecorderHandler {
        let word: MetricWord

        init(word: MetricWord) {
            self.word = word
        }

        func increment(by amount: Int64) { word.add(UInt64(max(0, amount))) }
        func increment(by amount: Double) { word.add(floating: amount) }
        func decrement(by amount: Double) { word.add(floating: -amount) }
        func set(_ value: Int64) { set(Double(value)) }
        func set(_ value: Double) { word.store(value.bitPattern) }
        func record(_ value: Int64) { set(Double(value)) }
        func record(_ value: Double) { set(value) }
        func reset() { word.store(0) }
    }

    /// A counter of fractions. It does not fall, and nothing makes it useless.
    private final class Sum: FloatingPointCounterHandler {
        private let word: MetricWord

        init(word: MetricWord) {
            self.word = word
        }

        func increment(by amount: Double) { if amount > 0, amount.isFinite { word.add(floating: amount) } }
        func reset() { word.store(0) }
    }

    private final class Histogram: RecorderHandler, TimerHandler {
        let histogram: MetricHistogram

        init(histogram: MetricHistogram) {
            self.histogram = histogram
        }

        func record(_ value: Int64) { record(Double(value)) }
        func record(_ value: Double) { if value.isFinite { histogram.observe(floating: value) } }
        func recordNanoseconds(_ duration: Int64) { histogram.observe(UInt64(max(0, duration))) }
    }
}
