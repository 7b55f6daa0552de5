import SwerveMetrics
import Testing

@Suite struct TimeSeriesTests {
    private static let subject = TimeSeries.Subject(.deployment, "a/B")

    private static func reading(_ requests: UInt64, errors: Double = 0, bucket: Int = 0) -> SeriesReading {
        var reading = SeriesReading()
        reading.requests = Double(requests)
        reading.errors = errors
        var counts: [UInt64] = [0, 0, 0]
        counts[bucket] = requests
        reading.latency = MetricDistribution(bounds: [10, 100], counts: counts, sum: 0)
        reading.queued = 2
        reading.target = 3
        return reading
    }

    @Test func `a point has what was counted since the last one, in a second`() throws {
        var series = TimeSeries()
        series.add([Self.subject: Self.reading(100)], at: 1000)
        series.add([Self.subject: Self.reading(150, errors: 4)], at: 1002)
        let points = series.points(of: Self.subject, .fine)
        #expect(points.map(\.time) == [1000, 1002])
        #expect(points[0].point?.requests == nil)
        let last = try #require(points[1].point)
        #expect(last.requests == 25)
        #expect(last.errors == 2)
        #expect(last.queued == 2)
        #expect(last.target == 3)
    }

    @Test func `quantiles are those of the requests since the last point`() throws {
        var series = TimeSeries()
        series.add([Self.subject: Self.reading(1000)], at: 1)
        var next = Self.reading(1000)
        next.latency.counts = [1090, 10, 0]
        series.add([Self.subject: next], at: 2)
        let point = try #require(series.points(of: Self.subject, .fine).last?.point)
        #expect(abs(try #require(point.p50) - 50.0 / 90 * 10) < 0.01)
        #expect(abs(try #require(point.p95) - 55) < 0.01)
        #expect(abs(try #require(point.p99) - 91) < 0.01)
    }

    @Test func `without requests there are no quantiles, and beyond the last bound it is that bound`() throws {
        var series = TimeSeries()
        series.add([Self.subject: Self.reading(0, bucket: 2)], at: 1)
        series.add([Self.subject: Self.reading(0, bucket: 2)], at: 2)
        series.add([Self.subject: Self.reading(9, bucket: 2)], at: 3)
        let points = series.points(of: Self.subject, .fine)
        #expect(points[1].point?.p99 == nil)
        #expect(points[1].point?.requests == 0)
        #expect(points[2].point?.p99 == 100)
    }

    @Test func `the last five minutes are kept by the second, and the hour by ten seconds`() {
        var series = TimeSeries()
        for second: Int64 in 1...4000 { series.add([Self.subject: Self.reading(UInt64(second) * 7)], at: second) }
        let fine = series.points(of: Self.subject, .fine)
        #expect(fine.count == 300)
        #expect(fine.first?.time == 3701)
        #expect(fine.allSatisfy { $0.point?.requests == 7 })
        let coarse = series.points(of: Self.subject, .coarse)
        #expect(coarse.count == 360)
        #expect(coarse.first?.time == 410)
        #expect(coarse.last?.time == 4000)
        #expect(coarse.allSatisfy { $0.point?.requests == 7 })
    }

    @Test func `a count that fell has begun anew`() {
        var series = TimeSeries()
        series.add([Self.subject: Self.reading(100)], at: 1)
        series.add([Self.subject: Self.reading(30)], at: 2)
        #expect(series.points(of: Self.subject, .fine).last?.point?.requests == 30)
    }

    @Test func `one that is gone has no points, and is forgotten after an hour`() {
        var series = TimeSeries()
        let other = TimeSeries.Subject(.route, "/")
        series.add([Self.subject: Self.reading(1), other: Self.reading(1)], at: 1)
        for second: Int64 in 2...3600 { series.add([other: Self.reading(1)], at: second) }
        #expect(series.points(of: Self.subject, .fine).last?.point == nil)
        for second: Int64 in 3601...3700 { series.add([other: Self.reading(1)], at: second) }
        #expect(series.points(of: Self.subject, .coarse).isEmpty)
        #expect(series.subjectCount == 1)
    }

    @Test func `the number of series is limited, and those that are there stay`() {
        var series = TimeSeries()
        series.add([Self.subject: Self.reading(1)], at: 1)
        var many: [TimeSeries.Subject: SeriesReading] = [Self.subject: Self.reading(2)]
        for index in 0..<2000 { many[TimeSeries.Subject(.route, "/\(index)")] = Self.reading(1) }
        series.add(many, at: 2)
        #expect(series.subjectCount == TimeSeries.maximumSubjects)
        #expect(series.points(of: Self.subject, .fine).last?.point?.requests == 1)
    }

    @Test func `edges have a limit of their own, and make room when they are gone`() {
        func edges(_ names: String, _ count: Int) -> [TimeSeries.Subject: SeriesReading] {
            let subjects = (0..<count).map { TimeSeries.Subject(edgeFrom: "a/A", to: "a/\(names)\($0)") }
            return Dictionary(uniqueKeysWithValues: subjects.map { ($0, Self.reading(1)) })
        }
        var series = TimeSeries()
        series.add(edges("X", 2000), at: 1)
        #expect(series.subjectCount == TimeSeries.maximumEdges)
        series.add([Self.subject: Self.reading(1)], at: 2)
        #expect(series.subjectCount == TimeSeries.maximumEdges + 1)
        // Edges without a point of ten seconds are forgotten with the first one.
        series.add([Self.subject: Self.reading(1)], at: 11)
        #expect(series.subjectCount == 1)
        series.add(edges("Y", 2000), at: 12)
        #expect(series.subjectCount == TimeSeries.maximumEdges + 1)
    }

    @Test func `a reading that is not later is ignored`() {
        var series = TimeSeries()
        series.add([Self.subject: Self.reading(1)], at: 5)
        series.add([Self.subject: Self.reading(9)], at: 5)
        series.add([Self.subject: Self.reading(9)], at: 4)
        #expect(series.points(of: Self.subject, .fine).count == 1)
    }

    @Test func `the JSON form has a list for each number that is known`() {
        var series = TimeSeries()
        let route = TimeSeries.Subject(.route, "/\"x\"\n")
        series.add([Self.subject: Self.reading(0)], at: 18)
        series.add([Self.subject: Self.reading(3), route: Self.reading(0)], at: 19)
        series.add([Self.subject: Self.reading(3), route: Self.reading(4)], at: 22)
        #expect(
            series.json == #"{"fine":{"step_s":1,"time_s":[18,19,22],"deployments":{"a/B":{"#
                + #""requests_per_s":[null,3,0],"errors_per_s":[null,0,0],"p50_ms":[null,5,null],"#
                + #""p95_ms":[null,9.5,null],"p99_ms":[null,9.9,null],"queued":[2,2,2],"target":[3,3,3]}},"#
                + #""routes":{"/\"x\"\u000a":{"requests_per_s":[null,null,1.333],"errors_per_s":[null,null,0],"#
                + #""p50_ms":[null,null,5],"p95_ms":[null,null,9.5],"p99_ms":[null,null,9.9],"#
                + #""queued":[null,2,2],"target":[null,3,3]}},"edges":{}},"coarse":{"step_s":10,"time_s":[22],"#
                + #""deployments":{"a/B":{"requests_per_s":[0.75],"errors_per_s":[0],"p50_ms":[5],"p95_ms":[9.5],"#
                + #""p99_ms":[9.9],"queued":[2],"target":[3]}},"routes":{"/\"x\"\u000a":{"requests_per_s":[1.333],"#
                + #""errors_per_s":[0],"p50_ms":[5],"p95_ms":[9.5],"p99_ms":[9.9],"queued":[2],"target":[3]}},"edges":{}}}"#
        )
    }

    @Test func `the JSON form has edges by caller and deployment`() {
        func reading(_ requests: UInt64) -> SeriesReading {
            var reading = Self.reading(requests)
            (reading.queued, reading.target) = (nil, nil)
            return reading
        }
        let (first, second) = (
            TimeSeries.Subject(edgeFrom: "a/A", to: "a/B"), TimeSeries.Subject(edgeFrom: "a/A", to: "a/C")
        )
        let third = TimeSeries.Subject(edgeFrom: "main", to: "a/A")
        var series = TimeSeries()
        series.add([first: reading(0), second: reading(7), third: reading(0)], at: 1)
        series.add([first: reading(2), second: reading(7), third: reading(0)], at: 2)
        #expect(
            series.json == #"{"fine":{"step_s":1,"time_s":[1,2],"deployments":{},"routes":{},"edges":{"a/A":{"#
                + #""a/B":{"requests_per_s":[null,2],"errors_per_s":[null,0],"p50_ms":[null,5],"p95_ms":[null,9.5],"#
                + #""p99_ms":[null,9.9]},"a/C":{"requests_per_s":[null,0],"errors_per_s":[null,0]}},"#
                + #""main":{"a/A":{"requests_per_s":[null,0],"errors_per_s":[null,0]}}}},"#
                + #""coarse":{"step_s":10,"time_s":[],"deployments":{},"routes":{},"edges":{}}}"#
        )
    }
}
