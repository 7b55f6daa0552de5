internal import Dispatch
internal import Synchronization

/// Writes the lines of each process to its file, on a queue of its own, so that a disk that is slow, full or gone holds
/// nobody up: what does not fit into ``maxWaitingBytes`` or cannot be written is missing in the file, and the next line
/// that can be written follows one that says how many lines that were.
package final class LogFiles: Sendable {
    /// How many bytes of all processes wait for the disk at most: 4 MiB.
    package static let maxWaitingBytes = 4 << 20

    private struct State {
        /// Bytes that wait.
        var waiting = 0
        /// How many lines of a process did not fit since the last ones that did, by the names of its files.
        var refused: [String: Int] = [:]
        /// How many lines of a process could not be written since the last ones that could.
        var failed: [String: Int] = [:]
        var running: Set<String> = []
        /// Whether it was said that the disk fails, since it worked last.
        var isReported = false
    }

    private let disk: any LogDisk
    private let rotation: LogRotation
    private let retention: LogRetention
    private let report: @Sendable (String) -> Void
    private let queue = DispatchQueue(label: "swerve.logs")
    private let state = Mutex(State())

    /// - Parameter report: told once why lines cannot be written, and again after they could be.
    package init(_ options: LogOptions, _ disk: any LogDisk, report: @escaping @Sendable (String) -> Void) {
        self.disk = disk
        self.rotation = LogRotation(maxFileBytes: options.maxFileBytes, maxFiles: options.maxFiles)
        self.retention = LogRetention(
            maxEndedProcesses: options.maxEndedProcesses,
            maxTotalBytes: options.maxTotalBytes
        )
        self.report = report
        // What earlier instances left.
        queue.async { self.tidy() }
    }

    /// The files of the process stay until it has ended.
    package func began(_ source: LogSource) { state.withLock { _ = $0.running.insert(source.fileStem) } }

    package func write(_ lines: [String], of source: LogSource) {
        let stem = source.fileStem
        var bytes: [UInt8] = []
        for line in lines {
            bytes.append(contentsOf: line.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }
        let refused: Int? = state.withLock { state in
            guard state.waiting + bytes.count <= Self.maxWaitingBytes else {
                state.refused[stem, default: 0] += lines.count
                return nil
            }
            state.waiting += bytes.count
            return state.refused.removeValue(forKey: stem) ?? 0
        }
        guard let refused else { return }
        queue.async { [bytes] in self.write(bytes, lines.count, after: refused, stem) }
    }

    /// - Parameter refused: how many lines before these did not fit.
    private func write(_ bytes: [UInt8], _ count: Int, after refused: Int, _ stem: String) {
        defer { state.withLock { $0.waiting -= bytes.count } }
        let missing = refused + state.withLock { $0.failed.removeValue(forKey: stem) ?? 0 }
        var text = bytes
        if missing > 0 { text = Array("… \(missing) lines are missing here: they could not be written\n".utf8) + bytes }
        do throws(LogDiskError) {
            let steps = rotation.steps(stem, size: disk.size(LogRotation.name(stem, 0)), adding: text.count)
            for step in steps { try disk.perform(step) }
            try disk.append(text, to: LogRotation.name(stem, 0))
            state.withLock { $0.isReported = false }
            if !steps.isEmpty { tidy() }
        } catch {
            let isNew = state.withLock { state in
                state.failed[stem, default: 0] += missing + count
                defer { state.isReported = true }
                return !state.isReported
            }
            if isNew { report(error.reason) }
        }
    }

    /// The process has ended, so its files may go.
    package func ended(_ source: LogSource) {
        queue.async {
            self.state.withLock { state in
                state.running.remove(source.fileStem)
                state.refused[source.fileStem] = nil
                state.failed[source.fileStem] = nil
            }
            self.tidy()
        }
    }

    /// Removes what is too much.
    private func tidy() {
        let running = state.withLock { $0.running }
        var groups: [String: LogRetention.Group] = [:]
        var names: [String: [String]] = [:]
        for file in disk.files() {
            guard let stem = LogRotation.stem(of: file.name), Self.isOurs(stem) else { continue }
            var group =
                groups[stem] ?? .init(stem: stem, bytes: 0, lastWritten: .min, isRunning: running.contains(stem))
            group.bytes += file.bytes
            group.lastWritten = max(group.lastWritten, file.lastWritten)
            groups[stem] = group
            names[stem, default: []].append(file.name)
        }
        for stem in retention.excess(Array(groups.values)) {
            for name in names[stem] ?? [] { try? disk.perform(.remove(name)) }
        }
    }

    /// Files of others in the directory stay.
    private static func isOurs(_ stem: String) -> Bool {
        let parts = stem.split(separator: "-", maxSplits: 2)
        return parts.count > 1 && LogSource.Kind(rawValue: String(parts[0])) != nil && UInt64(parts[1]) != nil
    }

    /// Returns when everything that was written before is in the files, or is missing there.
    package func flush() async {
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }
}
