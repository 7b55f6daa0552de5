/// A pattern for file names, with the meaning of Python's `fnmatchcase`.
struct FileNamePattern: Hashable, Sendable {
    private enum Element: Hashable, Sendable {
        case anything
        case anyScalar
        case scalar(Unicode.Scalar)
        case oneOf([ClosedRange<Unicode.Scalar>], isNegated: Bool)

        /// Whether a single character matches; never called on ``anything``.
        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .anything, .anyScalar: true
            case .scalar(let own): own == scalar
            case .oneOf(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
            }
        }
    }

    private let elements: [Element]

    /// Whether the pattern has no wildcards.
    var isName: Bool {
        elements.allSatisfy { if case .scalar = $0 { true } else { false } }
    }

    init(_ text: String) {
        var scalars = Array(text.unicodeScalars)
        if scalars.last == "/" { scalars.append("*") }
        var elements: [Element] = []
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            switch scalar {
            case "*":
                if elements.last != .anything { elements.append(.anything) }
            case "?": elements.append(.anyScalar)
            case "[":
                if let (set, end) = FileNamePattern.set(in: scalars, from: index) {
                    elements.append(set)
                    index = end
                } else {
                    elements.append(.scalar("["))
                }
            default: elements.append(.scalar(scalar))
            }
        }
        self.elements = elements
    }

    /// The set that begins after a `[`, and the position after it; nil when no `]` closes it.
    private static func set(in scalars: [Unicode.Scalar], from start: Int) -> (Element, end: Int)? {
        var index = start
        let isNegated = index < scalars.count && scalars[index] == "!"
        if isNegated { index += 1 }
        let first = index
        // A bracket in first position belongs to the set.
        guard first < scalars.count, let close = scalars[(first + 1)...].firstIndex(of: "]") else { return nil }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while index < close {
            if index + 2 < close, scalars[index + 1] == "-" {
                // A reversed range is empty.
                if scalars[index] <= scalars[index + 2] { ranges.append(scalars[index]...scalars[index + 2]) }
                index += 3
            } else {
                ranges.append(scalars[index]...scalars[index])
                index += 1
            }
        }
        return (.oneOf(ranges, isNegated: isNegated), close + 1)
    }

    /// Whether the whole text matches the pattern. Takes time proportional to at most the product of their lengths.
    func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var index = 0
        var element = 0
        // Where to continue if the text after the last `*` does not match: one character further.
        var retry: (element: Int, index: Int)?
        while index < scalars.count {
            if element < elements.count, elements[element] == .anything {
                element += 1
                retry = (element, index)
            } else if element < elements.count, elements[element].matches(scalars[index]) {
                element += 1
                index += 1
            } else if let last = retry {
                retry = (last.element, last.index + 1)
                (element, index) = (last.element, last.index + 1)
            } else {
                return false
            }
        }
        return elements[element...].allSatisfy { $0 == .anything }
    }
}
