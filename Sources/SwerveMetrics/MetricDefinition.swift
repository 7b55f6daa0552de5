/// One label of a metric.
package struct MetricLabel: Hashable, Sendable, Comparable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    package static func < (left: MetricLabel, right: MetricLabel) -> Bool {
        (left.name, left.value) < (right.name, right.value)
    }
}

/// What a metric's numbers mean.
package enum MetricKind: UInt8, Hashable, Sendable {
    /// Only goes up while its process lives.
    case counter = 1
    /// A value as it is now.
    case gauge = 2
    /// How many values were in which range, and their sum.
    case histogram = 3
}

/// The limits of what a process counts.
package struct MetricLimits: Sendable {
    /// Series in the process: a metric with one set of labels, whatever its kind. Beyond, a counter or histogram counts in
    /// one with the label `overflow="true"`, and a gauge shows nothing.
    package let series: Int
    /// Words of 64 bits for the values.
    package let words: Int
    /// Bytes for the definitions of series.
    package let definitionBytes: Int

    /// A replica's process, where user code makes series: 4096, with 1 MiB for values and as much for definitions.
    package static let replica = MetricLimits(series: 4096, words: 1 << 17, definitionBytes: 1 << 20)
    /// The instance's process or a proxy, whose series follow from what is deployed: 65,536, with 16 MiB for values and as
    /// much for definitions.
    package static let instance = MetricLimits(series: 1 << 16, words: 1 << 21, definitionBytes: 1 << 24)

    /// Labels that user code gives one metric; 16. Further ones are left out.
    package static let labels = 16
    /// Bounds of a histogram; 64. Further ones are left out.
    package static let bounds = 64
    /// Names of metrics that may have a series for what overflows; 64.
    package static let overflows = 64
}

/// Some words of a process's memory whose sum counts for, or against, a metric's value.
package struct MetricTerm: Hashable, Sendable {
    package var slot: Int
    package var count: Int
    package var isNegative: Bool

    package init(slot: Int, count: Int = 1, isNegative: Bool = false) {
        self.slot = slot
        self.count = count
        self.isNegative = isNegative
    }
}

/// A series of one process, and where its numbers are.
package struct MetricDefinition: Hashable, Sendable {
    package var kind: MetricKind
    package var name: String
    /// Sorted by name.
    package var labels: [MetricLabel]
    /// Whether the word is the bits of a `Double` rather than an integer. Such a metric has one term of one word.
    package var isFloating = false
    /// What one unit in memory is in the metric's unit.
    package var scale = 1.0
    /// The words that make up a counter or gauge; of a histogram, the one range of its buckets.
    package var terms: [MetricTerm]
    /// The upper bounds of a histogram's buckets, in its unit, without the last one, which is infinite.
    package var bounds: [Double] = []
    /// The word of a histogram's sum.
    package var sum = 0
    /// Where a histogram keeps examples; `nil` for nowhere.
    package var exemplars: Int?

    package init(
        _ kind: MetricKind,
        _ name: String,
        _ labels: [MetricLabel],
        terms: [MetricTerm],
        isFloating: Bool = false,
        scale: Double = 1
    ) {
        self.kind = kind
        self.name = name
        self.labels = labels
        self.terms = terms
        self.isFloating = isFloating
        self.scale = scale
    }
}
