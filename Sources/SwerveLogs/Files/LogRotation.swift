/// What to do with files.
package enum LogFileStep: Hashable, Sendable {
    case remove(String)
    case rename(String, to: String)
}

/// When a process's file is full, and which names its files have: `replica-1-default-Detector.log`, and older ones
/// `replica-1-default-Detector.1.log` and so on.
package struct LogRotation: Hashable, Sendable {
    package let maxFileBytes: Int
    package let maxFiles: Int

    package init(maxFileBytes: Int, maxFiles: Int) {
        self.maxFileBytes = maxFileBytes
        self.maxFiles = maxFiles
    }

    /// The name of a file. Number 0 is the one that is being written.
    package static func name(_ stem: String, _ number: Int) -> String {
        number == 0 ? "\(stem).log" : "\(stem).\(number).log"
    }

    /// Whose file has this name.
    ///
    /// - Returns: `nil` for a name that ``name(_:_:)`` does not make.
    package static func stem(of name: String) -> String? {
        guard name.hasSuffix(".log") else { return nil }
        let stem = name.dropLast(4)
        guard let dot = stem.lastIndex(of: "."), let number = Int(stem[stem.index(after: dot)...]), number > 0 else {
            return String(stem)
        }
        return String(stem[..<dot])
    }

    /// What to do before so many bytes are written.
    ///
    /// - Parameter size: of the file that is being written.
    package func steps(_ stem: String, size: Int, adding bytes: Int) -> [LogFileStep] {
        guard size > 0, size + bytes > maxFileBytes else { return [] }
        var steps = [LogFileStep.remove(Self.name(stem, maxFiles - 1))]
        for number in stride(from: maxFiles - 2, through: 0, by: -1) {
            steps.append(.rename(Self.name(stem, number), to: Self.name(stem, number + 1)))
        }
        return steps
    }
}

/// Which files go.
package struct LogRetention: Hashable, Sendable {
    /// The files of one process.
    package struct Group: Hashable, Sendable {
        package var stem: String
        package var bytes: Int
        /// When one of them was written last, in any unit.
        package var lastWritten: Int
        package var isRunning: Bool

        package init(stem: String, bytes: Int, lastWritten: Int, isRunning: Bool) {
            self.stem = stem
            self.bytes = bytes
            self.lastWritten = lastWritten
            self.isRunning = isRunning
        }
    }

    package let maxEndedProcesses: Int
    package let maxTotalBytes: Int

    package init(maxEndedProcesses: Int, maxTotalBytes: Int) {
        self.maxEndedProcesses = maxEndedProcesses
        self.maxTotalBytes = maxTotalBytes
    }

    /// The processes whose files go, all of them of processes that have ended: those that were written last stay.
    package func excess(_ groups: [Group]) -> [String] {
        var total = groups.filter(\.isRunning).reduce(0) { $0 + $1.bytes }
        var kept = 0
        var excess: [String] = []
        let ended = groups.filter { !$0.isRunning }.sorted { ($0.lastWritten, $0.stem) > ($1.lastWritten, $1.stem) }
        for group in ended {
            if excess.isEmpty, kept < maxEndedProcesses, total + group.bytes <= maxTotalBytes {
                kept += 1
                total += group.bytes
            } else {
                excess.append(group.stem)
            }
        }
        return excess
    }
}
