internal import SwerveCore

/// How a value is read from a file, written to one, and described.
struct Format<Value>: Sendable {
    let shape: Shape
    /// Reports what is wrong, and is `nil` then.
    let read: @Sendable (ConfigNode, inout Reading) -> Value?
    /// `nil` for a value that no file can express.
    let write: @Sendable (Value) -> ConfigTree?
}

extension Format where Value == Bool {
    static let boolean = Format(
        shape: .boolean,
        read: { node, reading in
            if case .bool(let value) = node.content { return value }
            reading.reportType(node, .boolean)
            return nil
        },
        write: { .value(.bool($0)) }
    )
}

extension Format where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Format {
        let shape = Shape.integer(range)
        return Format(
            shape: shape,
            read: { node, reading in
                var value: Int?
                switch node.content {
                case .integer(let number): value = number
                // 4.0 is a whole number, too.
                case .number(let number): value = Int(exactly: number)
                default: break
                }
                guard let value else {
                    reading.reportType(node, shape)
                    return nil
                }
                guard range.contains(value) else {
                    reading.reportType(node, shape, .outOfRange)
                    return nil
                }
                return value
            },
            write: { .value(.integer($0)) }
        )
    }
}

extension Format where Value == Double {
    static func number(_ from: Double, isIncluded: Bool = true, to: Double) -> Format {
        let shape = Shape.number(from: from, isIncluded: isIncluded, to: to)
        return Format(
            shape: shape,
            read: { node, reading in
                let value: Double
                switch node.content {
                case .integer(let number): value = Double(number)
                case .number(let number): value = number
                default:
                    reading.reportType(node, shape)
                    return nil
                }
                guard value >= from, value <= to, isIncluded || value > from else {
                    reading.reportType(node, shape, .outOfRange)
                    return nil
                }
                return value
            },
            write: { value in .value(Int(exactly: value).map { .integer($0) } ?? .number(value)) }
        )
    }
}

extension Format where Value == Duration {
    /// A number of seconds, to the nanosecond. `isIncluded` says whether zero is accepted.
    static func seconds(zero isIncluded: Bool = false, to most: Double = 1_000_000_000) -> Format {
        let number = Format<Double>.number(0, isIncluded: isIncluded, to: most)
        return Format(
            shape: number.shape,
            read: { node, reading in
                guard let seconds = number.read(node, &reading) else { return nil }
                let time = Duration.nanoseconds(Int64((seconds * 1e9).rounded()))
                guard isIncluded || time > .zero else {
                    reading.reportType(node, number.shape, .outOfRange)
                    return nil
                }
                return time
            },
            write: { number.write(Double($0.nanoseconds) / 1e9) }
        )
    }
}

extension Format where Value == String {
    static let text = text(.text) { _ in nil }

    /// A text, with a check that says what is wrong with it.
    static func text(_ shape: Shape, _ problem: @escaping @Sendable (String) -> String?) -> Format {
        Format(
            shape: shape,
            read: { node, reading in
                guard case .text(let text) = node.content else {
                    switch node.content {
                    case .bool, .integer, .number: reading.reportText(node)
                    default: reading.reportType(node, shape)
                    }
                    return nil
                }
                if let problem = problem(text) {
                    reading.report(.outOfRange, node, problem)
                    return nil
                }
                return text
            },
            write: { .value(.string($0)) }
        )
    }
}

extension Format where Value == JSONValue {
    static let any = Format(shape: .any, read: { $1.json($0) }, write: { .value($0) })
}

extension Format where Value == [String: JSONValue] {
    static let anything = Format(
        shape: .map(.any),
        read: { node, reading in
            guard case .object(let members) = reading.json(node) else {
                reading.reportType(node, .map(.any))
                return nil
            }
            return members
        },
        write: { .value(.object($0)) }
    )
}

extension Format {
    /// One of a few values with names. A value without one cannot be written.
    static func choice(_ choices: [(name: String, value: Value)]) -> Format where Value: Equatable & Sendable {
        let names = choices.map(\.name)
        let shape = Shape.choice(names)
        return Format(
            shape: shape,
            read: { node, reading in
                guard case .text(let text) = node.content else {
                    reading.reportType(node, shape)
                    return nil
                }
                if let choice = choices.first(where: { $0.name == text }) { return choice.value }
                reading.reportChoice(node, text, shape, names)
                return nil
            },
            write: { value in choices.first { $0.value == value }.map { .value(.string($0.name)) } }
        )
    }

    /// A value of another type that stands for this one.
    func mapped<Other>(
        _ convert: @escaping @Sendable (Value) -> Other,
        back: @escaping @Sendable (Other) -> Value?
    ) -> Format<Other> {
        Format<Other>(
            shape: shape,
            read: { node, reading in read(node, &reading).map(convert) },
            write: { back($0).flatMap(write) }
        )
    }

    static func object() -> Format where Value: ConfigObject {
        Format(shape: Value.shape, read: { Value.read($0, &$1) }, write: { $0.tree })
    }

    static func list<Element>(of element: Format<Element>) -> Format where Value == [Element] {
        let shape = Shape.list(element.shape)
        return Format(
            shape: shape,
            read: { node, reading in
                guard case .list(let nodes) = node.content else {
                    reading.reportType(node, shape)
                    return nil
                }
                var elements: [Element] = []
                for (index, node) in nodes.enumerated() {
                    reading.within(index) { reading in
                        if let value = element.read(node, &reading) { elements.append(value) }
                    }
                }
                return elements
            },
            write: { elements in .list(elements.compactMap(element.write)) }
        )
    }

    static func map<Element>(
        to element: Format<Element>,
        names problem: @escaping @Sendable (String) -> String? = { _ in nil }
    ) -> Format where Value == [String: Element] {
        let shape = Shape.map(element.shape)
        return Format(
            shape: shape,
            read: { node, reading in
                guard case .fields(let fields) = node.content else {
                    reading.reportType(node, shape)
                    return nil
                }
                var elements: [String: Element] = [:]
                for (key, node) in fields {
                    reading.within(key.name) { reading in
                        if let problem = problem(key.name) { return reading.report(.outOfRange, key, problem) }
                        if let value = element.read(node, &reading) { elements[key.name] = value }
                    }
                }
                return elements
            },
            write: { elements in
                let entries = elements.sorted { $0.key < $1.key }.compactMap { name, value in
                    element.write(value).map { ConfigTree.Entry(name: name, tree: $0) }
                }
                return .fields(entries)
            }
        )
    }
}
