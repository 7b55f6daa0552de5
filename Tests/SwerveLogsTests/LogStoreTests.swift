import SwerveCore
import SwerveLogs
import Testing

@Suite(.timeLimit(.minutes(10))) struct LogStoreTests {
    @Test func `lines of all processes come in the order in which they were written`() {
        let store = makeStore()
        store.add(["a", "b"], from: .detector(1), .output)
        store.add(["c"], from: .proxy(1), .error)
        store.add(["d"], from: .detector(1), .error)
        #expect(store.texts() == ["a", "b", "c", "d"])
        let lines = store.read(LogQuery()).lines
        #expect(lines.map(\.number) == [1, 2, 3, 4])
        #expect(lines.map(\.time) == [1, 1, 2, 3])
        #expect(lines.map(\.stream) == [.output, .output, .error, .error])
    }

    @Test func `each process keeps its latest lines, up to a number and to bytes`() {
        let store = makeStore(LogOptions(maxLines: 3, maxBytes: 1024))
        store.add((1...10).map { "\($0)" }, from: .detector(1), .output)
        store.add(["other"], from: .detector(2), .output)
        #expect(store.texts() == ["8", "9", "10", "other"])
        #expect(store.processes.map(\.dropped) == [7, 0])
        let long = String(repeating: "x", count: 600)
        store.add([long, long], from: .detector(2), .output)
        #expect(store.texts(LogQuery(process: "default/Detector#2")) == [long])
        // One that is longer than all that is allowed stays until the next one.
        let longest = String(repeating: "y", count: 2000)
        store.add([longest], from: .detector(2), .output)
        #expect(store.texts(LogQuery(process: "default/Detector#2")) == [longest])
    }

    @Test func `a query chooses by application, deployment, process, kind, level, text and time`() {
        let store = makeStore()
        store.add(["2026-11-29T17:22:07.123Z warning own: low"], from: .detector(1), .error)
        store.add(["plain words"], from: .detector(2, of: "other"), .output)
        store.add([#"{"time":"t","level":"error","message":"bad"}"#], from: .proxy(3), .error)
        func numbers(_ query: LogQuery) -> [Int] { store.read(query).lines.map(\.number) }
        #expect(numbers(LogQuery(application: "default")) == [1])
        #expect(numbers(LogQuery(deployment: "Detector")) == [1, 2])
        #expect(numbers(LogQuery(application: "other", deployment: "Detector")) == [2])
        #expect(numbers(LogQuery(process: "other/Detector#2")) == [2])
        #expect(numbers(LogQuery(process: "proxy#3")) == [3])
        #expect(numbers(LogQuery(process: "proxy")) == [3])
        #expect(numbers(LogQuery(process: "replica")) == [1, 2])
        #expect(numbers(LogQuery(level: .warning)) == [1, 3])
        #expect(numbers(LogQuery(level: .info)) == [1, 2, 3])
        #expect(numbers(LogQuery(contains: "WORDS")) == [2])
        #expect(numbers(LogQuery(since: 2)) == [2, 3])
        #expect(numbers(LogQuery(lines: 2)) == [2, 3])
    }

    @Test func `reading goes on after what was read, and says when lines are gone`() {
        let store = makeStore(LogOptions(maxLines: 5))
        store.add(["1", "2", "3"], from: .detector(1), .output)
        let first = store.read(LogQuery(lines: 2))
        #expect(first.lines.map(\.text) == ["2", "3"])
        store.add(["4"], from: .detector(2), .output)
        store.add(["5"], from: .detector(1), .output)
        let second = store.read(LogQuery(after: first.next, lines: 1))
        #expect(second.lines.map(\.text) == ["4"])
        let third = store.read(LogQuery(after: second.next, lines: 10))
        #expect(third.lines.map(\.text) == ["5"])
        #expect(!third.hasGap)
        store.add((6...20).map { "\($0)" }, from: .detector(1), .output)
        let last = store.read(LogQuery(after: third.next, lines: 10))
        #expect(last.lines.map(\.text) == ["16", "17", "18", "19", "20"])
        #expect(last.hasGap)
        #expect(!store.read(LogQuery(after: last.next)).hasGap)
    }

    @Test func `lines of processes that ended stay until enough others have ended`() {
        let store = makeStore(LogOptions(maxEndedProcesses: 2))
        for number in 1...4 {
            store.began(.detector(UInt64(number)))
            store.add(["\(number)"], from: .detector(UInt64(number)), .output)
        }
        store.ended(.detector(2))
        store.ended(.detector(1))
        #expect(store.texts() == ["1", "2", "3", "4"])
        store.ended(.detector(4))
        #expect(store.texts() == ["1", "3", "4"])
        #expect(store.processes.map(\.isRunning) == [false, true, false])
    }

    @Test func `one who follows hears of new lines, and the number of those is limited`() async throws {
        let store = makeStore()
        let changes = try #require(store.changes(limit: 1))
        #expect(store.changes(limit: 1) == nil)
        var iterator = changes.makeAsyncIterator()
        store.add(["1"], from: .instance, .error)
        store.add(["2"], from: .instance, .error)
        // However many there are, they are one piece of news.
        #expect(await iterator.next() != nil)
        await store.end()
        #expect(await iterator.next() == nil)
        #expect(store.changes(limit: 1) == nil)
    }

    @Test func `names tell processes and their files apart`() {
        let sources: [LogSource] = [.detector(2), .proxy(1), .instance, .detector(1), .controller(3)]
        #expect(
            sources.sorted().map(\.description)
                == ["instance", "controller#3", "proxy#1", "default/Detector#1", "default/Detector#2"]
        )
        #expect(LogSource.detector(12).fileStem == "replica-12-default-Detector")
        let strange = ReplicaID(deployment: DeploymentID(application: "ä/..", deployment: "x y"), number: 1)
        #expect(LogSource.replica(strange).fileStem == "replica-1-_____-x_y")
    }

    @Test(arguments: [
        ("2026-11-29T17:22:07.123Z info own: text", LogLevel.info),
        ("2026-11-29T17:22:07+0000 ERROR own: text", .error), (#"{"level": "DEBUG"}"#, .debug),
        (#"{"time":"x","level":"notice","message":"y"}"#, .notice), ("info about something", nil), ("12 errors", nil),
        (#"{"levels":"info"}"#, nil), (#"{"level":7}"#, nil), ("", nil), ("{", nil),
    ]) func `a line has the level that it says`(line: String, level: LogLevel?) {
        #expect(LogLevel(of: line) == level)
    }
}
