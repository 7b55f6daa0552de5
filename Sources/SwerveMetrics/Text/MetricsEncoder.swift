/// Writes a snapshot as text: in Prometheus' format 0.0.4, or as OpenMetrics 1.0.
package struct MetricsEncoder {
    /// A text format.
    package enum Format: Hashable, Sendable {
        case prometheus, openMetrics

        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }

        /// The format that a client asks for: OpenMetrics if its `Accept` names it with at least the weight of plain
        /// text.
        package init(accept: String?) {
            var weights: [String: Double] = [:]
            for part in (accept ?? "").split(separator: ",") {
                let fields = part.split(separator: ";").map { Self.trimmed($0) }
                guard let type = fields.first else { continue }
                let weight = fields.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
                let version = fields.dropFirst().first { $0.hasPrefix("version=") }
                guard type != Self.openMetricsType || version == nil || version == "version=1.0.0" else { continue }
                weights[type] = max(weights[type] ?? 0, weight)
            }
            let open = weights[Self.openMetricsType] ?? 0
            let plain = weights["text/plain"] ?? 0
            self = open > 0 && open >= plain ? .openMetrics : .prometheus
        }

        private static let openMetricsType = "application/openmetrics-text"

        private static func trimmed(_ text: Substring) -> String {
            let rest = text.drop { $0 == " " || $0 == "\t" }
            return String(rest.prefix { $0 != " " && $0 != "\t" }).lowercased()
        }
    }

    private let format: Format
    private let help: (String) -> String?
    private var text = ""

    /// - Parameter help: what the metric of a name is.
    package static func encode(
        _ snapshot: MetricSnapshot,
        as format: Format,
        help: (String) -> String? = { _ in nil }
    ) -> String {
        withoutActuallyEscaping(help) { help in
            var encoder = MetricsEncoder(format: format, help: help)
            for (name, family) in snapshot.families.sorted(by: { $0.key < $1.key }) { encoder.write(name, family) }
            if format == .openMetrics { encoder.text += "# EOF\n" }
            return encoder.text
        }
    }

    private init(format: Format, help: @escaping (String) -> String?) {
        self.format = format
        self.help = help
    }

    private mutating func write(_ name: String, _ family: MetricSnapshot.Family) {
        // The older format has no names of families apart from those of samples.
        let title = family.kind == .counter && format == .prometheus ? name + "_total" : name
        if let help = help(name) { text += "# HELP \(title) \(Self.escaped(help: help))\n" }
        text += "# TYPE \(title) \(family.kind)\n"
        for (labels, value) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            switch value {
            case .number(let number):
                write(family.kind == .counter ? name + "_total" : name, labels, Self.number(number))
            case .histogram(let distribution): write(name, labels, distribution)
            }
        }
    }

    private mutating func write(_ name: String, _ labels: [MetricLabel], _ distribution: MetricDistribution) {
        var count: UInt64 = 0
        for (index, own) in distribution.counts.enumerated() {
            count &+= own
            let bound = index < distribution.bounds.count ? distribution.bounds[index] : .infinity
            let example = distribution.exemplars.first { $0.bucket == index }
            write(name + "_bucket", labels + [MetricLabel("le", self.bound(bound))], "\(count)", example)
        }
        write(name + "_sum", labels, Self.number(distribution.sum))
        write(name + "_count", labels, "\(count)")
    }

    private mutating func write(
        _ name: String,
        _ labels: [MetricLabel],
        _ value: String,
        _ example: MetricExemplar? = nil
    ) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, label) in labels.enumerated() {
                if index > 0 { text += "," }
                text += "\(label.name)=\"\(MetricNames.escaped(label.value))\""
            }
            text += "}"
        }
        text += " \(value)"
        if format == .openMetrics, let example {
            text += " # {request_id=\"\(MetricNames.escaped(example.id))\"} \(Self.number(example.value))"
        }
        text += "\n"
    }

    /// With a decimal point in both formats, as OpenMetrics wants it: then a bucket has the same label in both.
    private func bound(_ value: Double) -> String {
        value == .infinity ? "+Inf" : value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value)).0" : "\(value)"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escaped(help: String) -> String {
        var text = ""
        for scalar in help.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
