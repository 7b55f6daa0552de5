import SwerveControl
import SwerveCore
import Testing

/// The load of several processes over time.
@Suite struct LoadSeriesTests {
    private let lookBack = Duration.seconds(10)
    private let other = LoadSource.replica(r(7))

    private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    private func series(_ reports: [(Int64, LoadSource, Load)]) -> LoadSeries {
        var series = LoadSeries()
        for (second, source, load) in reports { series.record(load, of: source, now: at(second), lookBack: lookBack) }
        return series
    }

    private func mean(_ series: LoadSeries, _ second: Int64) -> Double {
        series.aggregate(.mean, over: lookBack, now: at(second))
    }

    @Test func `the mean is weighted by time, with zero before the first report`() {
        let series = series([(100, .instance, Load(ongoing: 4)), (105, .instance, Load(ongoing: 8))])
        #expect(mean(series, 100) == 0)
        #expect(mean(series, 105) == 2)
        #expect(mean(series, 110) == 6)
        #expect(mean(series, 115) == 8)
        #expect(mean(series, 1000) == 8)
    }

    @Test func `processes add up, each from its own report on`() {
        let series = series([(100, .instance, Load(queued: 1, ongoing: 3)), (105, other, Load(ongoing: 2))])
        #expect(mean(series, 110) == 5)
        #expect(mean(series, 120) == 6)
        #expect(series.current == Load(queued: 1, ongoing: 5))
    }

    @Test func `the greatest and the least are those of the sum, not of the processes`() {
        let series = series([
            (90, .instance, Load(ongoing: 9)), (95, .instance, Load()), (95, other, Load(ongoing: 9)),
            (98, other, Load(ongoing: 2)),
        ])
        #expect(series.aggregate(.max, over: lookBack, now: at(100)) == 9)
        #expect(series.aggregate(.min, over: lookBack, now: at(100)) == 2)
        #expect(series.aggregate(.max, over: lookBack, now: at(109)) == 2)
    }

    @Test func `a process that is gone takes its past with it`() {
        var series = series([(100, .instance, Load(ongoing: 1)), (100, other, Load(ongoing: 100))])
        series.forget(other, now: at(110))
        #expect(mean(series, 110) == 1)
        #expect(series.current.total == 1)
    }

    @Test func `without a look-back only the present load counts`() {
        let series = series([(100, .instance, Load(ongoing: 1)), (101, .instance, Load(ongoing: 5))])
        #expect(series.aggregate(.mean, over: .zero, now: at(101)) == 5)
    }

    @Test func `the load is steady once the look-back holds no change`() {
        let series = series([(100, .instance, Load(ongoing: 1))])
        #expect(!series.isSteady(lookBack: lookBack, now: at(109)))
        #expect(series.isSteady(lookBack: lookBack, now: at(110)))
    }

    @Test func `a flood of reports keeps a bounded number of steps and nearly the same mean`() {
        var series = LoadSeries()
        for step in 0..<100_000 {
            let now = MonotonicTime(nanoseconds: Int64(step) * 100_000)
            series.record(Load(ongoing: step % 2 == 0 ? 10 : 20), of: .instance, now: now, lookBack: lookBack)
        }
        #expect("\(series)".components(of: "Step(") <= LoadSeries.maximumSteps + 2)
        let mean = series.aggregate(.mean, over: lookBack, now: at(10))
        #expect((10...20).contains(mean))
    }

    @Test func `numbers that no process can have are cut, so sums do not overflow`() {
        var series = series([(1, .instance, Load(queued: .max, ongoing: .max)), (1, other, Load(queued: -5))])
        for number: UInt64 in 0..<100 {
            series.record(Load(queued: .max, ongoing: .max), of: .replica(r(number)), now: at(1), lookBack: lookBack)
        }
        #expect(series.current.queued > 0)
        #expect(mean(series, 20).isFinite)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
