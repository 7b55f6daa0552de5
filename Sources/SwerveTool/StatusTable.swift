/// A status as a table for a terminal.
struct StatusTable {
    /// Which text a state is shown in.
    enum Style {
        case plain, good, working, bad, faint

        /// - Parameter state: of an application, a deployment or a replica.
        init(of state: String) {
            self =
                switch state {
                case "running", "healthy": .good
                case "unhealthy", "deployFailed": .bad
                case "": .plain
                default: .working
                }
        }

        /// The number that selects it in the terminal's language; `nil` for none.
        var code: Int? {
            switch self {
            case .plain: nil
            case .good: 32
            case .working: 33
            case .bad: 31
            case .faint: 2
            }
        }
    }

    private struct Cell {
        var text: String
        var style = Style.plain
    }

    private var rows: [[Cell]] = []

    /// - Parameter showsReplicas: whether each replica has a line.
    init(_ report: StatusReport, showsReplicas: Bool) {
        rows.append(["NAME", "STATE", "REPLICAS", "ROUTE", "MESSAGE"].map { Cell(text: $0, style: .faint) })
        for (name, application) in report.applications.sorted(by: { $0.key < $1.key }) {
            add(name, application.state, "", application.routePrefix ?? "-", application.message)
            for (name, deployment) in application.deployments.sorted(by: { $0.key < $1.key }) {
                let count = "\(deployment.running)/\(deployment.target.replicas)"
                let pending = deployment.pending.map { "\($0.count) pending: \($0.reason)" }
                add("  \(name)", deployment.state, count, "", pending ?? deployment.message)
                guard showsReplicas else { continue }
                for replica in deployment.replicas {
                    let process = replica.processID.map { "pid \($0)" } ?? ""
                    let number = replica.id.split(separator: "#").last.map { "#\($0)" } ?? replica.id
                    add("    \(number)", replica.state, process, "", replica.message ?? "")
                }
            }
        }
    }

    private mutating func add(_ name: String, _ state: String, _ count: String, _ route: String, _ message: String) {
        let line = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        rows.append([
            Cell(text: name), Cell(text: state, style: Style(of: state)), Cell(text: count), Cell(text: route),
            Cell(text: line),
        ])
    }

    /// The lines, without a line end.
    ///
    /// - Parameters:
    ///   - width: longer lines are cut; `nil` for no limit.
    ///   - usesColours: whether the terminal's language may be used.
    func lines(width: Int?, usesColours: Bool) -> [String] {
        guard let columns = rows.first?.indices else { return [] }
        let widths = columns.map { column in rows.map { $0[column].text.count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            var left = width ?? .max
            for (column, cell) in row.enumerated() where left > 0 {
                let isLast = column == columns.last
                let padded = isLast ? cell.text : cell.text.padded(to: widths[column] + 2)
                let text = String(padded.prefix(left))
                left -= text.count
                line += usesColours ? text.styled(cell.style) : text
            }
            return String(line.trimmingEnd())
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    func styled(_ style: StatusTable.Style) -> String {
        guard let code = style.code, !allSatisfy(\.isWhitespace) else { return self }
        return "\u{1B}[\(code)m\(self)\u{1B}[0m"
    }

    fileprivate func trimmingEnd() -> Substring {
        var end = endIndex
        while end > startIndex, self[index(before: end)] == " " { end = index(before: end) }
        return self[..<end]
    }
}
