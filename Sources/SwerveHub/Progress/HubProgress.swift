/// The progress of a snapshot's download and its display. A value: it is given the time and returns texts.
package struct HubProgress: Sendable {
    /// How the progress is shown.
    package enum Style: Hashable, Sendable {
        /// One line that is redrawn, of at most this many columns.
        case bar(columns: Int)
        case log
    }

    /// What to show now.
    package enum Output: Hashable, Sendable {
        /// The line of the bar, which replaces the previous one.
        case bar(String)
        /// The last line of the bar.
        case lastBar(String)
        /// A line for the log.
        case line(String, [String: String])
    }

    private static let barPause: Duration = .milliseconds(100)
    private static let linePause: Duration = .seconds(10)

    private let title: String
    private let style: Style
    private let files: Int
    private let total: Int?
    private let start: Duration
    private var finishedFiles = 0
    /// Bytes that count as done, including those of an earlier download.
    private var done = 0
    private var received = 0
    private var lastOutput: Duration

    /// - Parameters:
    ///   - title: the name of what is downloaded.
    ///   - files: how many files to download.
    ///   - total: their total size in bytes; nil when unknown.
    ///   - now: the time of a monotonic clock.
    package init(title: String, files: Int, total: Int?, style: Style, now: Duration) {
        self.title = title
        self.files = files
        self.total = total
        self.style = style
        start = now
        lastOutput = now
    }

    package mutating func began() -> Output? {
        switch style {
        case .bar: .bar(bar(now: start))
        case .log: .line("downloading", metadata)
        }
    }

    /// Counts bytes that arrived now.
    package mutating func received(_ bytes: Int, now: Duration) -> Output? {
        received += bytes
        done += bytes
        return output(now: now)
    }

    /// Counts bytes left by an earlier download or downloaded by another process; negative when they turned out to be
    /// unusable.
    package mutating func counted(_ bytes: Int, now: Duration) -> Output? {
        done += bytes
        return output(now: now)
    }

    package mutating func finishedFile(now: Duration) -> Output? {
        finishedFiles += 1
        return output(now: now)
    }

    /// Ends the progress and returns its last output.
    package mutating func ended(now: Duration) -> Output? {
        switch style {
        case .bar: return .lastBar(bar(now: now))
        case .log:
            guard finishedFiles == files else { return nil }
            return .line("downloaded", metadata.merging(["time": "\(now - start)"]) { $1 })
        }
    }

    private mutating func output(now: Duration) -> Output? {
        switch style {
        case .bar:
            guard now - lastOutput >= HubProgress.barPause else { return nil }
            lastOutput = now
            return .bar(bar(now: now))
        case .log:
            guard now - lastOutput >= HubProgress.linePause else { return nil }
            lastOutput = now
            return .line("still downloading", metadata)
        }
    }

    private var metadata: [String: String] {
        var metadata = ["repository": title, "files": "\(finishedFiles)/\(files)"]
        metadata["bytes"] = total.map { "\(done)/\($0)" } ?? "\(done)"
        return metadata
    }

    private func bar(now: Duration) -> String {
        guard case .bar(let columns) = style else { return "" }
        var parts = ["\(finishedFiles)/\(files) files"]
        if let total {
            let percent = total > 0 ? min(100, Int(Double(done) / Double(total) * 100)) : 100
            parts.append("\(percent) %  \(HubProgress.text(bytes: done)) of \(HubProgress.text(bytes: total))")
        } else {
            parts.append(HubProgress.text(bytes: done))
        }
        let rate = Double(received) / max((now - start) / .seconds(1), 0.001)
        if received > 0 {
            parts.append("\(HubProgress.text(bytes: Int(rate)))/s")
            if let total, done < total { parts.append(HubProgress.text(seconds: Double(total - done) / rate)) }
        }
        let facts = parts.joined(separator: "  ")
        // The rest of the line is for the title and the bar; a narrow terminal shows neither.
        let rest = columns - facts.count - 2
        guard rest >= title.count + 2 else { return String(facts.prefix(columns)) }
        let cells = min(rest - title.count - 4, 30)
        guard cells >= 5, let total else { return "\(title)  \(facts)" }
        let full = total > 0 ? min(cells, Int(Double(done) / Double(total) * Double(cells))) : cells
        let drawing = String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
        return "\(title)  [\(drawing)]  \(facts)"
    }

    /// Formats bytes with about three digits, in powers of ten like disks and `huggingface_hub`.
    static func text(bytes: Int) -> String {
        var value = Double(max(bytes, 0))
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 999.5 || unit == "GB" {
                let tenths = Int((value * 10).rounded())
                return unit == "B" || value >= 99.95
                    ? "\(Int(value.rounded())) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
            }
            value /= 1000
        }
        return ""
    }

    static func text(seconds: Double) -> String {
        let whole = Int(min(max(seconds.rounded(.up), 0), 359_999))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return whole < 3600
            ? "\(whole / 60):\(two(whole % 60))" : "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}
