/// Makes any text fit to be a name or a value in the text formats of Prometheus and OpenMetrics.
package enum MetricNames {
    /// The most bytes of a name; the rest is cut off.
    package static let maximumNameBytes = 200
    /// The most bytes of a label's value; the rest is cut off.
    package static let maximumValueBytes = 256

    /// A valid name of a metric: letters, digits and `_`, not beginning with a digit. Other characters become `_`.
    package static func name(_ text: String) -> String { valid(text, fallback: "unnamed") }

    /// A valid name of a label. Those that begin with `__` belong to Prometheus, so one `_` is left.
    package static func label(_ text: String) -> String {
        let name = valid(text, fallback: "label")
        return name.hasPrefix("__") ? "_" + name.drop { $0 == "_" } : name
    }

    private static func valid(_ text: String, fallback: String) -> String {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars.prefix(maximumNameBytes) {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": bytes.append(UInt8(ascii: scalar))
            case "0"..."9":
                if bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
                bytes.append(UInt8(ascii: scalar))
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        return bytes.isEmpty ? fallback : String(decoding: bytes, as: UTF8.self)
    }

    /// A label's value as it is kept: not longer than ``maximumValueBytes``, and without control characters but line
    /// ends, which some readers take for the end of the text.
    package static func value(_ text: String) -> String {
        let isPlain = text.utf8.count <= maximumValueBytes && text.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 10 }
        if isPlain { return text }
        var value = ""
        var length = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 32 && scalar != "\n" || scalar.value == 127
            let kept: Unicode.Scalar = isControl ? "\u{FFFD}" : scalar
            length += UTF8.width(kept)
            guard length <= maximumValueBytes else { break }
            value.unicodeScalars.append(kept)
        }
        return value
    }

    /// A label's value between quotation marks.
    package static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") || $0 == 10 }) else {
            return value
        }
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// A metric's own labels and those of its process, valid and each once. An own label with the name of one of the
    /// process's, or with a name that the formats use themselves, is kept as `exported_…`.
    package static func labels(_ own: [MetricLabel], beside common: [MetricLabel]) -> [MetricLabel] {
        var taken = Set(common.map(\.name)).union(["le", "quantile"])
        var labels = common
        for each in own {
            var name = label(each.name)
            if common.contains(where: { $0.name == name }) || name == "le" || name == "quantile" {
                name = "exported_\(name)"
            }
            while !taken.insert(name).inserted { name += "_" }
            labels.append(MetricLabel(name, value(each.value)))
        }
        return labels.sorted { $0.name < $1.name }
    }
}
