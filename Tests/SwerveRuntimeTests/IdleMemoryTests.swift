import Testing

@testable import SwerveRuntime

@Suite struct IdleMemoryTests {
    /// What a process that had used 5 s gives back at each look, having used so much more in all.
    private func looks(at milliseconds: [Int]) -> [Bool] {
        var memory = IdleMemory(processor: .seconds(5))
        return milliseconds.map { used in
            let processor = Duration.seconds(5) + .milliseconds(used)
            let isDue = memory.looked(processor: processor)
            if isDue { memory.gaveBack(processor: processor) }
            return isDue
        }
    }

    @Test func `a process that works keeps its memory, and gives it back once when it rests`() {
        #expect(looks(at: [1000, 2000, 2001, 2002, 2003]) == [false, false, true, false, false])
    }

    @Test func `after more work memory is given back again`() {
        #expect(looks(at: [1000, 1000, 2000, 2000]) == [false, true, false, true])
    }

    @Test func `a little work counts when it has become more`() {
        #expect(looks(at: [40, 80, 120, 160, 200, 200]) == [false, false, false, false, true, false])
    }

    @Test func `two hundredths of a core are rest, more is work`() {
        #expect(looks(at: [1000, 1041, 1081]) == [false, false, true])
    }

    @Test func `what giving back takes is no work`() {
        var memory = IdleMemory(processor: .zero)
        let before = (memory.looked(processor: .seconds(1)), memory.looked(processor: .seconds(1)))
        memory.gaveBack(processor: .seconds(2))
        let after = (memory.looked(processor: .seconds(2)), memory.looked(processor: .seconds(2)))
        #expect(before == (false, true))
        #expect(after == (false, false))
    }
}
