import SwerveCore
import Testing

@testable import SwerveControl

@Suite struct AgendaTests {
    private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test func `the earliest time is next, also after it was replaced or taken back`() {
        var agenda = Agenda()
        #expect(agenda.next == nil)
        agenda.set("a", at(3))
        agenda.set("b", at(5))
        #expect(agenda.next == at(3))
        agenda.set("a", at(7))
        #expect(agenda.next == at(5))
        agenda.set("b", nil)
        #expect(agenda.next == at(7))
        agenda.set("a", at(1))
        #expect(agenda.next == at(1))
    }

    @Test func `what is due is taken once, by name`() {
        var agenda = Agenda()
        for (name, time) in [("c", 1), ("a", 2), ("b", 3)] { agenda.set(name, at(Int64(time))) }
        #expect(agenda.takeDue(now: at(2)) == ["a", "c"])
        #expect(agenda.takeDue(now: at(2)) == [])
        #expect(agenda.next == at(3))
    }

    @Test func `it agrees with a search through all times`() {
        var random = SplitMix64(seed: 5)
        var agenda = Agenda()
        var times: [String: MonotonicTime] = [:]
        for _ in 0..<20_000 {
            let name = "\(random.next(below: 30))"
            let time = random.next(below: 4) == 0 ? nil : at(Int64(random.next(below: 50)))
            agenda.set(name, time)
            times[name] = time
            #expect(agenda.next == times.values.min())
            guard random.next(below: 50) == 0 else { continue }
            let now = at(Int64(random.next(below: 20)))
            let due = times.filter { $0.value <= now }.keys.sorted()
            for name in due { times[name] = nil }
            #expect(agenda.takeDue(now: now) == due)
        }
    }
}
