internal import SwerveSystem
internal import Synchronization

/// Reads the pipes of all children on one thread, which begins with the first of them and stays.
///
/// The dispatch library could do it, but when a pipe's other end closes while its source is being cancelled, the thread
/// that delivers its events can use the source's memory after that was freed (seen with Swift 6.3 on Linux).
final class PipeReader: Sendable {
    static let shared = PipeReader()

    private struct State {
        /// By descriptor.
        var readers: [Int32: @Sendable () -> Bool] = [:]
        var work: [@Sendable () -> Void] = []
        /// Ends the thread's wait; `nil` before it has begun.
        var alarm: (readingEnd: Int32, writingEnd: Int32)?
        /// Whether the alarm was sounded since the thread looked last.
        var isSounded = false
    }
    private let state = Mutex(State())

    private init() {}

    /// Reads a pipe from now on.
    ///
    /// - Parameters:
    ///   - descriptor: its reading end, which does not block. It is closed when `read` returns false.
    ///   - read: takes what the pipe has, and returns whether it goes on. All calls, and those of ``run(_:)``, are made
    ///     one after another.
    /// - Returns: false if the system has no thread or descriptors for it.
    func add(_ descriptor: Int32, _ read: @escaping @Sendable () -> Bool) -> Bool {
        state.withLock { state in
            guard state.alarm != nil || begin(&state) else { return false }
            state.readers[descriptor] = read
            sound(&state)
            return true
        }
    }

    /// Runs the body beside the readers, soon. Only once a pipe was added.
    func run(_ body: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.work.append(body)
            sound(&state)
        }
    }

    private func begin(_ state: inout State) -> Bool {
        guard let alarm = Descriptors.makePipe() else { return false }
        do {
            try SystemThread.start { self.readAll(alarm.readingEnd) }
        } catch {
            Descriptors.close(alarm.readingEnd)
            Descriptors.close(alarm.writingEnd)
            return false
        }
        state.alarm = alarm
        return true
    }

    private func sound(_ state: inout State) {
        guard !state.isSounded, let alarm = state.alarm else { return }
        state.isSounded = true
        try? Descriptors.writeAll(alarm.writingEnd, [1])
    }

    private func readAll(_ alarm: Int32) {
        var bytes: [UInt8] = [0]
        while true {
            let (readers, work) = state.withLock { state in
                defer { state.work = [] }
                return (state.readers, state.work)
            }
            for body in work { body() }
            for descriptor in Descriptors.waitForInput([alarm] + readers.keys) {
                if descriptor == alarm {
                    state.withLock { state in
                        _ = try? Descriptors.read(alarm, into: &bytes)
                        state.isSounded = false
                    }
                } else if readers[descriptor]?() == false {
                    state.withLock { $0.readers[descriptor] = nil }
                    Descriptors.close(descriptor)
                }
            }
        }
    }
}
