internal import DequeModule
internal import Synchronization

/// What the processes of an instance wrote: the latest lines of each in memory, and in files where there is a directory.
package final class LogStore: Sendable {
    /// A process whose lines are there.
    package struct Process: Hashable, Sendable {
        package let source: LogSource
        package let isRunning: Bool
        package let lines: Int
        /// How many lines it wrote that are not in memory any more.
        package let dropped: Int
    }

    /// Lines of an answer.
    package struct Page: Sendable {
        package let lines: [LogLine]
        /// The number after which to go on.
        package let next: Int
        /// Whether lines after the number that was asked for are not there any more.
        package let hasGap: Bool
    }

    private struct Entry {
        var buffer: LogBuffer
        var isRunning = true
    }

    private struct State {
        /// The number of the last line.
        var number = 0
        var entries: [LogSource: Entry] = [:]
        /// The processes that ended, the first one first.
        var ended: [LogSource] = []
        var readers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextReader = 0
        var isOver = false
    }

    package let options: LogOptions
    private let files: LogFiles?
    let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - files: where the lines are written, too.
    ///   - now: the time in nanoseconds since 1970.
    package init(_ options: LogOptions, files: LogFiles? = nil, now: @escaping @Sendable () -> Int64) {
        self.options = options
        self.files = files
        self.now = now
    }

    // MARK: Writing

    /// A process begins, so what was said about its end before does not count any more.
    package func began(_ source: LogSource) {
        state.withLock { state in
            state.ended.removeAll { $0 == source }
            state.entries[source, default: newEntry].isRunning = true
        }
        files?.began(source)
    }

    private var newEntry: Entry { Entry(buffer: LogBuffer(maxLines: options.maxLines, maxBytes: options.maxBytes)) }

    /// Keeps lines. Those of the instance itself are not written to a file: they go where its logger writes.
    package func add(_ lines: [String], from source: LogSource, _ stream: OutputStream) {
        guard !lines.isEmpty else { return }
        let time = now()
        let readers = state.withLock { state -> [AsyncStream<Void>.Continuation] in
            guard var entry = findEntry(of: source, &state) else { return [] }
            // Not two owners of the lines.
            state.entries[source] = nil
            for text in lines {
                state.number += 1
                entry.buffer.append(
                    LogLine(number: state.number, time: time, source: source, stream: stream, text: text)
                )
            }
            state.entries[source] = entry
            return Array(state.readers.values)
        }
        if source.kind != .instance { files?.write(lines, of: source) }
        for reader in readers { reader.yield() }
    }

    /// The lines of a process. A program that a process started may write after its end; then it has ended still.
    ///
    /// - Returns: `nil` if lines of processes that ended are not kept.
    private func findEntry(of source: LogSource, _ state: inout State) -> Entry? {
        var entry = newEntry
        if let known = state.entries[source] { return known }
        if source.kind == .instance { return entry }
        entry.isRunning = false
        guard options.maxEndedProcesses > 0 else { return nil }
        state.ended.append(source)
        removeExcess(&state)
        return entry
    }

    private func removeExcess(_ state: inout State) {
        while state.ended.count > options.maxEndedProcesses { state.entries[state.ended.removeFirst()] = nil }
    }

    /// A process has ended. Its lines stay until ``LogOptions/maxEndedProcesses`` others have ended.
    package func ended(_ source: LogSource) {
        state.withLock { state in
            guard state.entries[source]?.isRunning == true else { return }
            state.entries[source]?.isRunning = false
            state.ended.append(source)
            removeExcess(&state)
        }
        files?.ended(source)
    }

    // MARK: Reading

    /// Everything whose lines are there, in order.
    package var processes: [Process] {
        state.withLock { state in
            state.entries.sorted { $0.key < $1.key }.map { source, entry in
                Process(
                    source: source,
                    isRunning: entry.isRunning,
                    lines: entry.buffer.lines.count,
                    dropped: entry.buffer.dropped
                )
            }
        }
    }

    package func read(_ query: LogQuery) -> Page {
        let (buffers, last) = state.withLock { state in
            (state.entries.filter { query.wants($0.key) }.map(\.value.buffer), state.number)
        }
        let lines = query.lines(of: buffers)
        let hasGap = query.after.map { after in buffers.contains { $0.lastDropped ?? -1 > after } } ?? false
        // A full answer goes on after its last line; another one has seen everything.
        let isFull = query.after != nil && lines.count >= query.lines
        return Page(lines: lines, next: isFull ? lines.last?.number ?? last : last, hasGap: hasGap)
    }

    /// Tells when there are new lines, and ends with the instance.
    ///
    /// - Parameter limit: how many readers there may be.
    /// - Returns: `nil` if there are as many.
    package func changes(limit: Int) -> AsyncStream<Void>? {
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        return state.withLock { state in
            guard state.readers.count < limit, !state.isOver else { return nil }
            let id = state.nextReader
            state.nextReader += 1
            state.readers[id] = continuation
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { _ = $0.readers.removeValue(forKey: id) }
            }
            return changes
        }
    }

    /// How many follow, for tests.
    package var readerCount: Int { state.withLock { $0.readers.count } }

    /// Ends those that follow; returns when the files have what was written.
    package func end() async {
        let readers = state.withLock { state in
            state.isOver = true
            return Array(state.readers.values)
        }
        for reader in readers { reader.finish() }
        await files?.flush()
    }
}
