/// What deployments, routes and the edges between deployments did in the last hour: each second of the last five minutes,
/// and each ten seconds of the hour.
package struct TimeSeries: Sendable {
    /// What a series is about.
    package struct Subject: Hashable, Sendable, Comparable {
        package enum Kind: Int, Sendable { case deployment, route, edge }
        package let kind: Kind
        /// `application/deployment`, or the prefix of the route. Of an edge, the deployment that is called.
        package let name: String
        /// Who calls, of an edge: a deployment, or `main` for other code of the instance's process. Empty for others.
        package let caller: String

        package init(_ kind: Kind, _ name: String) {
            self.kind = kind
            self.name = name
            self.caller = ""
        }

        /// The calls by handle of one caller to one deployment.
        package init(edgeFrom caller: String, to name: String) {
            self.kind = .edge
            self.name = name
            self.caller = caller
        }

        package static func < (left: Subject, right: Subject) -> Bool {
            (left.kind.rawValue, left.caller, left.name) < (right.kind.rawValue, right.caller, right.name)
        }
    }

    /// A resolution: how many points of how many seconds each.
    package struct Resolution: Hashable, Sendable {
        package let step: Int64
        package let count: Int
        package static let fine = Resolution(step: 1, count: 300)
        package static let coarse = Resolution(step: 10, count: 360)
    }

    /// How many deployments and routes have a series at a time; 512, which take 27 MiB. Further ones have none until one
    /// that was there before is gone for an hour.
    package static let maximumSubjects = 512
    /// How many edges have a series at a time; 512, which take 27 MiB more. Further ones have none until one that was there
    /// before is gone for an hour.
    package static let maximumEdges = 512

    private struct Entry {
        var last: SeriesReading
        /// When ``last`` was read.
        var time: Int64
        var fine: [SeriesPoint?]
        var coarse: [SeriesPoint?]
        /// What was counted since the last coarse point, and for how many seconds.
        var sum = SeriesDifference()
        var seconds: Int64 = 0
    }

    private var entries: [Subject: Entry] = [:]
    private var edgeCount = 0
    /// When the points were taken, oldest first from the positions on.
    private var fineTimes = [Int64](repeating: 0, count: Resolution.fine.count)
    private var coarseTimes = [Int64](repeating: 0, count: Resolution.coarse.count)
    private var finePosition = 0
    private var coarsePosition = 0
    private var last: Int64?
    private var lastCoarse: Int64?

    package init() {}

    /// How many deployments, routes and edges have a series.
    package var subjectCount: Int { entries.count }

    /// Takes a reading of everything that there is.
    ///
    /// - Parameter second: the time in whole seconds. A reading that is not later than the last one is ignored.
    package mutating func add(_ readings: [Subject: SeriesReading], at second: Int64) {
        if let last, second <= last { return }
        last = second
        fineTimes[finePosition] = second
        // Sorted, so that it does not depend on chance which ones find room.
        for (subject, reading) in readings.sorted(by: { $0.key < $1.key }) { take(reading, of: subject, at: second) }
        for subject in entries.keys where readings[subject] == nil { entries[subject]?.fine[finePosition] = nil }
        finePosition = (finePosition + 1) % Resolution.fine.count
        let step = second / Resolution.coarse.step
        if let lastCoarse, step > lastCoarse { closeStep(readings, at: second) }
        lastCoarse = step
    }

    private mutating func take(_ reading: SeriesReading, of subject: Subject, at second: Int64) {
        guard var entry = entries.removeValue(forKey: subject) else {
            guard hasRoom(for: subject.kind) else { return }
            if subject.kind == .edge { edgeCount += 1 }
            var entry = Entry(
                last: reading,
                time: second,
                fine: Array(repeating: nil, count: Resolution.fine.count),
                coarse: Array(repeating: nil, count: Resolution.coarse.count)
            )
            entry.fine[finePosition] = Self.state(reading)
            entries[subject] = entry
            return
        }
        let difference = SeriesDifference(from: entry.last, to: reading)
        let seconds = second - entry.time
        entry.fine[finePosition] = difference.point(Double(seconds), reading)
        entry.sum.add(difference)
        entry.seconds += seconds
        entry.last = reading
        entry.time = second
        entries[subject] = entry
    }

    private func hasRoom(for kind: Subject.Kind) -> Bool {
        kind == .edge ? edgeCount < Self.maximumEdges : entries.count - edgeCount < Self.maximumSubjects
    }

    private mutating func closeStep(_ readings: [Subject: SeriesReading], at second: Int64) {
        coarseTimes[coarsePosition] = second
        for subject in entries.keys {
            let reading = readings[subject]
            let (sum, seconds) = (entries[subject]!.sum, entries[subject]!.seconds)
            let point = reading.map { seconds > 0 ? sum.point(Double(seconds), $0) : Self.state($0) }
            entries[subject]!.coarse[coarsePosition] = point
            entries[subject]!.sum = SeriesDifference()
            entries[subject]!.seconds = 0
            let isGone = point == nil && entries[subject]!.coarse.allSatisfy { $0 == nil }
            guard isGone else { continue }
            entries[subject] = nil
            if subject.kind == .edge { edgeCount -= 1 }
        }
        coarsePosition = (coarsePosition + 1) % Resolution.coarse.count
    }

    /// A point without what only two readings tell.
    private static func state(_ reading: SeriesReading) -> SeriesPoint {
        var point = SeriesPoint()
        point.queued = reading.queued
        point.ongoing = reading.ongoing
        point.replicas = reading.replicas
        point.target = reading.target
        return point
    }

    // MARK: Reading

    /// The points of a deployment, a route or an edge with their times, oldest first.
    package func points(of subject: Subject, _ resolution: Resolution) -> [(time: Int64, point: SeriesPoint?)] {
        guard let entry = entries[subject] else { return [] }
        let points = resolution == .fine ? entry.fine : entry.coarse
        return order(resolution).map { (times(resolution)[$0], points[$0]) }
    }

    private func times(_ resolution: Resolution) -> [Int64] { resolution == .fine ? fineTimes : coarseTimes }

    /// The positions that have a time, oldest first.
    private func order(_ resolution: Resolution) -> [Int] {
        let position = resolution == .fine ? finePosition : coarsePosition
        return (0..<resolution.count).map { (position + $0) % resolution.count }.filter { times(resolution)[$0] != 0 }
    }

    /// All series as a JSON object with a member for each resolution, `fine` and `coarse`. Each has `step_s`, `time_s`
    /// (seconds since 1970, oldest first), by name `deployments` and `routes`, and `edges` by the names of the caller and
    /// of the deployment that is called: objects with a list for each number, with `null` where it is unknown. Lists of
    /// which nothing is known are left out.
    package var json: String {
        "{\"fine\":\(json(.fine)),\"coarse\":\(json(.coarse))}"
    }

    private func json(_ resolution: Resolution) -> String {
        let order = order(resolution)
        let seconds = order.map { "\(times(resolution)[$0])" }.joined(separator: ",")
        func members(_ subjects: [Subject]) -> String {
            let members = subjects.compactMap { subject -> String? in
                guard let entry = entries[subject] else { return nil }
                let all = resolution == .fine ? entry.fine : entry.coarse
                let points = order.map { all[$0] }
                guard points.contains(where: { $0 != nil }) else { return nil }
                return "\(Self.quoted(subject.name)):{\(Self.columns(of: points))}"
            }
            return members.joined(separator: ",")
        }
        let subjects = Dictionary(grouping: entries.keys.sorted(), by: \.kind)
        let callers = Dictionary(grouping: subjects[.edge] ?? [], by: \.caller).sorted { $0.key < $1.key }
        let edges = callers.compactMap { caller, callees -> String? in
            let callees = members(callees)
            return callees.isEmpty ? nil : "\(Self.quoted(caller)):{\(callees)}"
        }
        return "{\"step_s\":\(resolution.step),\"time_s\":[\(seconds)],"
            + "\"deployments\":{\(members(subjects[.deployment] ?? []))},"
            + "\"routes\":{\(members(subjects[.route] ?? []))},\"edges\":{\(edges.joined(separator: ","))}}"
    }

    private static func columns(of points: [SeriesPoint?]) -> String {
        let members = SeriesPoint.columns.compactMap { name, value -> String? in
            let values = points.map { $0.flatMap(value) }
            guard values.contains(where: { $0 != nil }) else { return nil }
            return "\"\(name)\":[\(values.map { $0.map(number) ?? "null" }.joined(separator: ","))]"
        }
        return members.joined(separator: ",")
    }

    /// With three decimal places at most.
    private static func number(_ value: Float) -> String {
        guard value.isFinite else { return "null" }
        return MetricsEncoder.number((Double(value) * 1000).rounded() / 1000)
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 32:
                quoted += "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
                quoted += String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
