import Testing

@testable import SwerveSystem

@Suite struct ProcessUsageTests {
    private static let files = [
        "/proc/7/stat": "7 (a b) S 1 2 3 4 5 6 7 8 9 10 250 75 0 0 20 0 5 0 12050 1000",
        "/proc/7/smaps_rollup": "00400000-7ffc [rollup]\nRss:  9000 kB\nPss:                1234 kB\nPss_Dirty: 7 kB\n",
        "/proc/stat": "cpu 1 2 3\nbtime 1700000000\nprocesses 9\n",
    ]

    @Test func `the time, the start and the share of memory are read where the system shows them`() {
        let usage = ProcessUsage.of(7) { Self.files[$0] }
        let expected = ProcessUsage(
            processorTime: .milliseconds(3250),
            startedAt: 1_700_000_120.5,
            memory: 1234 * 1024
        )
        #expect(usage == expected)
    }

    @Test func `memory that may not be looked at is unknown, and a process that is gone has no usage`() {
        let some = Self.files.filter { !$0.key.hasSuffix("rollup") }
        #expect(ProcessUsage.of(7) { some[$0] }?.memory == nil)
        #expect(ProcessUsage.of(8) { Self.files[$0] } == nil)
    }

    #if os(Linux)
        @Test func `this process started before now and has memory`() throws {
            let usage = try #require(ProcessUsage.of(ThisProcess.id))
            let age = Double(WallClock.nanoseconds) / 1e9 - usage.startedAt
            #expect((-1...86_400).contains(age))
            #expect(usage.memory.map { $0 > 1 << 20 } == true)
        }
    #endif
}
