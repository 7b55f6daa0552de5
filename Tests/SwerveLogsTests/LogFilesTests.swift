import Dispatch
import SwerveCore
import SwerveLogs
import SwerveSystem
import Synchronization
import Testing

/// A directory in memory that can be full, or slow.
private final class FakeDisk: LogDisk {
    struct State {
        var files: [String: [UInt8]] = [:]
        var written: [String: Int] = [:]
        var writes = 0
        var isFull = false
    }
    let state = Mutex(State())
    /// Held while the disk does nothing.
    let gate = DispatchSemaphore(value: 0)
    private let isSlow: Bool

    init(isSlow: Bool = false, files: [String: [UInt8]] = [:]) {
        self.isSlow = isSlow
        for (index, name) in files.keys.sorted().enumerated() { state.withLock { $0.written[name] = index - 100 } }
        state.withLock { $0.files = files }
    }

    func size(_ name: String) -> Int { state.withLock { $0.files[name]?.count ?? 0 } }

    func append(_ bytes: [UInt8], to name: String) throws(LogDiskError) {
        if isSlow { gate.wait() }
        let isFull = state.withLock { state in
            if state.isFull { return true }
            state.writes += 1
            state.files[name, default: []] += bytes
            state.written[name] = state.writes
            return false
        }
        if isFull { throw LogDiskError("no space left") }
    }

    func perform(_ step: LogFileStep) throws(LogDiskError) {
        state.withLock { state in
            switch step {
            case .remove(let name): (state.files[name], state.written[name]) = (nil, nil)
            case .rename(let old, let new):
                guard let bytes = state.files.removeValue(forKey: old) else { return }
                state.files[new] = bytes
                state.written[new] = state.written.removeValue(forKey: old)
            }
        }
    }

    func files() -> [LogFileInfo] {
        state.withLock { state in
            state.files.map { LogFileInfo(name: $0, bytes: $1.count, lastWritten: state.written[$0] ?? 0) }
        }
    }

    var names: [String] { files().map(\.name).sorted() }
    func text(_ name: String) -> String { String(decoding: state.withLock { $0.files[name] ?? [] }, as: UTF8.self) }
}

@Suite(.timeLimit(.minutes(10))) struct LogFilesTests {
    private final class Reports: Sendable {
        private let reasons = Mutex<[String]>([])
        func add(_ reason: String) { reasons.withLock { $0.append(reason) } }
        var all: [String] { reasons.withLock { $0 } }
    }
    private let reports = Reports()

    private func files(_ options: LogOptions, _ disk: any LogDisk) -> LogFiles {
        LogFiles(options, disk) { [reports] in reports.add($0) }
    }

    @Test func `each process has a file with its lines`() async {
        let disk = FakeDisk()
        let store = makeStore(LogOptions(), files(LogOptions(), disk))
        store.add(["one", "two"], from: .detector(1), .output)
        store.add(["three"], from: .proxy(1), .error)
        store.add(["of the instance"], from: .instance, .error)
        store.add(["four"], from: .detector(1), .error)
        await store.end()
        #expect(disk.names == ["proxy-1.log", "replica-1-default-Detector.log"])
        #expect(disk.text("replica-1-default-Detector.log") == "one\ntwo\nfour\n")
        #expect(disk.text("proxy-1.log") == "three\n")
    }

    @Test func `a full file gets another name, and the oldest one goes`() async {
        let disk = FakeDisk()
        let files = files(LogOptions(maxFileBytes: 4096, maxFiles: 3), disk)
        files.began(.proxy(1))
        for number in 1...5 { files.write([String(repeating: "\(number)", count: 3000)], of: .proxy(1)) }
        await files.flush()
        #expect(disk.names == ["proxy-1.1.log", "proxy-1.2.log", "proxy-1.log"])
        #expect(["proxy-1.log", "proxy-1.1.log", "proxy-1.2.log"].map { disk.text($0).prefix(1) } == ["5", "4", "3"])
    }

    @Test func `with one file, it begins again`() async {
        let disk = FakeDisk()
        let files = files(LogOptions(maxFileBytes: 4096, maxFiles: 1), disk)
        for number in 1...3 { files.write([String(repeating: "\(number)", count: 3000)], of: .proxy(1)) }
        await files.flush()
        #expect(disk.names == ["proxy-1.log"])
        #expect(disk.text("proxy-1.log").hasPrefix("3"))
    }

    @Test func `a full disk holds nobody up, is reported once, and the file says how many lines are missing`() async {
        let disk = FakeDisk()
        let files = files(LogOptions(), disk)
        files.write(["1"], of: .proxy(1))
        await files.flush()
        disk.state.withLock { $0.isFull = true }
        files.write(["2", "3"], of: .proxy(1))
        files.write(["4"], of: .proxy(1))
        await files.flush()
        #expect(reports.all == ["no space left"])
        disk.state.withLock { $0.isFull = false }
        files.write(["5"], of: .proxy(1))
        await files.flush()
        #expect(disk.text("proxy-1.log") == "1\n… 3 lines are missing here: they could not be written\n5\n")
        disk.state.withLock { $0.isFull = true }
        files.write(["6"], of: .proxy(1))
        await files.flush()
        #expect(reports.all.count == 2)
    }

    @Test func `a slow disk holds nobody up: beyond a limit, lines are missing in the file`() async {
        let disk = FakeDisk(isSlow: true)
        let store = makeStore(LogOptions(), files(LogOptions(), disk))
        let line = String(repeating: "x", count: (1 << 20) - 1)
        // The disk takes none of these now, and writing them ends all the same.
        for _ in 0..<10 { store.add([line], from: .proxy(1), .output) }
        #expect(store.read(LogQuery()).lines.last?.number == 10)
        for _ in 0..<5 { disk.gate.signal() }
        // Waits until the disk has taken what waited.
        await store.end()
        store.add(["last"], from: .proxy(1), .output)
        await store.end()
        let lines = disk.text("proxy-1.log").split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines.last == "last")
        #expect(lines.contains("… 6 lines are missing here: they could not be written"))
    }

    @Test func `of processes that ended, the files written last stay, and files of others are nobody's business`() async
    {
        let disk = FakeDisk(files: [
            "replica-1-a-B.log": [1], "replica-1-a-B.1.log": [1], "replica-2-a-B.log": [1], "notes.log": [1],
            "proxy-x.log": [1], "replica-3-a-B.txt": [1],
        ])
        let options = LogOptions(maxEndedProcesses: 2)
        let files = files(options, disk)
        files.began(.proxy(1))
        files.write(["x"], of: .proxy(1))
        files.began(.proxy(2))
        files.write(["x"], of: .proxy(2))
        files.ended(.proxy(2))
        await files.flush()
        #expect(
            disk.names
                == ["notes.log", "proxy-1.log", "proxy-2.log", "proxy-x.log", "replica-2-a-B.log", "replica-3-a-B.txt"]
        )
    }

    @Test func `what is too much in all goes, the oldest first, but never of a process that runs`() {
        let retention = LogRetention(maxEndedProcesses: 10, maxTotalBytes: 100)
        func group(_ stem: String, _ bytes: Int, _ time: Int, runs: Bool = false) -> LogRetention.Group {
            LogRetention.Group(stem: stem, bytes: bytes, lastWritten: time, isRunning: runs)
        }
        #expect(retention.excess([group("a", 40, 1), group("b", 40, 2)]) == [])
        #expect(retention.excess([group("a", 40, 1), group("b", 40, 2), group("c", 40, 3)]) == ["a"])
        #expect(retention.excess([group("a", 40, 1), group("big", 90, 0, runs: true)]) == ["a"])
        #expect(retention.excess([group("big", 900, 0, runs: true)]) == [])
        // Nothing older than what goes stays.
        #expect(retention.excess([group("a", 1, 1), group("b", 90, 2), group("c", 50, 3)]) == ["b", "a"])
    }

    @Test func `files are only this user's, and their directory is made`() async throws {
        let folder = try FileSystem.makeTemporaryFolder("/tmp/logs-test-")
        let path = "\(folder)/new/logs"
        let files = files(LogOptions(maxFileBytes: 4096), try LogDirectory(path))
        files.write([String(repeating: "x", count: 4000)], of: .proxy(1))
        files.write([String(repeating: "y", count: 4000)], of: .proxy(1))
        await files.flush()
        #expect(FileSystem.names(in: path) == ["proxy-1.1.log", "proxy-1.log"])
        #expect(FileStatus("\(path)/proxy-1.log")?.permissions == 0o600)
        #expect(FileStatus(path)?.permissions == 0o700)
        #expect(reports.all == [])
        for name in FileSystem.names(in: path) { try FileSystem.remove("\(path)/\(name)") }
        for folder in [path, "\(folder)/new", folder] { FileSystem.removeEmptyFolder(folder) }
    }

    @Test func `a directory that cannot be made is an error that names it`() throws {
        let error = #expect(throws: ServeError.self) { try LogDirectory("/proc/nowhere/logs") }
        #expect(error?.code == .invalidOptions)
        #expect(error?.message.contains("logs.directory '/proc/nowhere/logs' cannot be made") == true)
    }
}
