internal import HeapModule
internal import SwerveCore

/// When each application has something to do, with the earliest at hand.
struct Agenda: Sendable {
    private struct Entry: Comparable {
        let time: MonotonicTime
        let application: String
        static func < (one: Entry, two: Entry) -> Bool {
            (one.time, one.application) < (two.time, two.application)
        }
    }

    private var times: [String: MonotonicTime] = [:]
    /// Also has entries that were replaced. The first one is in force, and they never outnumber the others by far.
    private var entries = Heap<Entry>()

    /// Replaces the application's time; `nil` if it has nothing to do.
    mutating func set(_ application: String, _ time: MonotonicTime?) {
        guard times[application] != time else { return }
        times[application] = time
        if let time { entries.insert(Entry(time: time, application: application)) }
        dropReplaced()
        if entries.count > 2 * times.count + 64 {
            entries = Heap(times.map { Entry(time: $0.value, application: $0.key) })
        }
    }

    var next: MonotonicTime? { entries.min?.time }

    /// Removes and returns the applications whose time has come, sorted by name.
    mutating func takeDue(now: MonotonicTime) -> [String] {
        var due: [String] = []
        while let first = entries.min, first.time <= now {
            due.append(first.application)
            times[first.application] = nil
            entries.removeMin()
            dropReplaced()
        }
        return due.sorted()
    }

    private mutating func dropReplaced() {
        while let first = entries.min, times[first.application] != first.time { entries.removeMin() }
    }
}
