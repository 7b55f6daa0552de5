import Foundation
import GRDB
import SwerveControl
import SwerveCore
import Testing

@testable import SwerveCheckpoint

/// A goal in a file: what is stored is there again, and a file that cannot be trusted is refused and left alone.
@Suite struct GoalStoreTests {
    private let folder = TemporaryFolder()
    private var path: String { "\(folder.path)/state.sqlite" }

    @Test func `what was stored is loaded, with arguments, targets and fallbacks`() async throws {
        var controller = StoringController()
        try controller.deploy(application("shop", version: 1, replicas: 2))
        try controller.runAll()
        try controller.deploy(application("shop", version: 2, replicas: 3))
        try controller.deploy(application("other", version: 3, replicas: 1))
        try controller.scale("shop/web", to: 5)
        let change = controller.state.unstoredChange()
        try await store().save(try #require(change))

        let loaded = try store().load()
        #expect(loaded.applications == controller.state.goal.applications)
        let web = try #require(loaded.applications["shop"]?.deployments["web"])
        #expect(web.spec.arguments == [2, 0, 255])
        #expect(web.fallback?.spec.arguments == [1, 0, 255])
        #expect(web.target.replicas == 5)
    }

    @Test func `a later change replaces what it names and nothing else`() async throws {
        var controller = StoringController()
        let store = try store()
        for name in ["a", "b"] { try controller.deploy(application(name, version: 1, replicas: 1)) }
        try await controller.save(to: store)
        try controller.scale("a/web", to: 4)
        try await controller.save(to: store)
        try controller.delete("b")
        try controller.endAll()
        try await controller.save(to: store)

        let loaded = try self.store().load()
        #expect(loaded.applications == controller.state.goal.applications)
        #expect(Array(loaded.applications.keys) == ["a"])
        let left = try await DatabaseQueue(path: path).read {
            try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM argument")
        }
        // One for the specification and one for the deployment.
        #expect(left == 2)
    }

    @Test func `replica numbers continue above all that may have been given out`() async throws {
        var controller = StoringController()
        let store = try store()
        try controller.deploy(application("shop", version: 1, replicas: 3))
        try await controller.save(to: store)
        for _ in 0..<10 {
            try controller.endAll()
            try await controller.save(to: store)
        }
        #expect(try self.store().load().numbers.next >= controller.state.goal.numbers.next)
    }

    @Test func `an application of another build does not start, and says why`() async throws {
        var controller = StoringController()
        try controller.deploy(application("shop", version: 1, replicas: 1))
        try await controller.save(to: store(build: "one"))

        var next = ControllerState(goal: try store(build: "two").load())
        let actions = next.tick(now: .zero)
        #expect(!actions.contains { if case .start = $0 { true } else { false } })
        let status = try #require(next.status().applications["shop"])
        #expect(status.state == .deployFailed)
        #expect(status.message.contains("another build of the program deployed it"))
    }

    @Test func `an application of another build starts if that build's executable is kept`() async throws {
        var controller = StoringController()
        try controller.deploy(application("shop", version: 1, replicas: 1))
        try controller.deploy(application("inside", version: 1, replicas: 1, placement: .inProcess))
        try await controller.save(to: store(build: "one"))
        try keep("one")

        var next = ControllerState(goal: try store(build: "two").load())
        let started = next.tick(now: .zero).compactMap { action -> String? in
            if case .start(_, let spec, _) = action { "\(spec.id)" } else { nil }
        }
        #expect(started == ["shop/web"])
        let message = next.status().applications["inside"]?.message
        #expect(message?.contains("only that one can run it in its own process") == true)
    }

    @Test func `without its executable an earlier build is no longer what a failed rollout returns to`() async throws {
        var controller = StoringController()
        try controller.deploy(application("shop", version: 1, replicas: 1))
        try controller.runAll()
        try controller.deploy(application("shop", version: 2, replicas: 1, build: "two"))
        try await controller.save(to: store(build: "two"))
        #expect(try store(build: "two").load().applications["shop"]?.deployments["web"]?.fallback == nil)
        try keep("one")
        #expect(try store(build: "two").load().applications["shop"]?.deployments["web"]?.fallback?.spec.build == "one")
    }

    @Test func `an executable is kept until no application needs its build`() async throws {
        for build in ["one", "two", "unknown"] { try keep(build) }
        let store = try store(build: "two")
        var controller = StoringController()
        for name in ["a", "b"] { try controller.deploy(application(name, version: 1, replicas: 1)) }
        try controller.runAll()
        try await controller.save(to: store)
        store.removeUnneeded()
        #expect(kept == ["one-8", "two-8"])
        // What a failed rollout returns to is needed.
        for name in ["a", "b"] { try controller.deploy(application(name, version: 2, replicas: 1, build: "two")) }
        try await controller.save(to: store)
        #expect(kept == ["one-8", "two-8"])
        try controller.runAll()
        try await controller.save(to: store)
        #expect(kept == ["two-8"])
    }

    // MARK: Files that cannot be used

    @Test func `a crash in the middle of a write leaves the state before or after it`() async throws {
        var controller = StoringController()
        let store = try store()
        try controller.deploy(application("shop", version: 1, replicas: 1))
        try await controller.save(to: store)
        let before = controller.state.goal.applications
        try controller.deploy(application("shop", version: 2, replicas: 2))
        try await controller.save(to: store)
        let after = controller.state.goal.applications

        let log = try Data(contentsOf: URL(filePath: "\(path)-wal"))
        let copy = "\(folder.path)/copy.sqlite"
        var seen: Set<Int> = []
        for length in Array(stride(from: 0, to: log.count, by: 1021)) + [log.count] {
            for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: copy + end) }
            try FileManager.default.copyItem(atPath: path, toPath: copy)
            try log.prefix(length).write(to: URL(filePath: "\(copy)-wal"))
            // The tables themselves are in the log, too.
            let loaded = try SQLiteGoalStore(copy, build: "one").load().applications
            #expect(loaded.isEmpty || loaded == before || loaded == after, "\(length) bytes of the log")
            seen.insert(loaded.isEmpty ? 0 : loaded == before ? 1 : 2)
        }
        #expect(seen == [0, 1, 2])
    }

    @Test(arguments: [String(repeating: "no database at all", count: 4000), "SQLite format 3\0 cut", ""])
    func `a damaged file is refused and not changed`(_ content: String) throws {
        try Data(content.utf8).write(to: URL(filePath: path))
        guard !content.isEmpty else {
            // An empty file is what SQLite leaves when it is stopped before its first write.
            #expect(try store().load().applications.isEmpty)
            return
        }
        let error = #expect(throws: ServeError.self) { try store() }
        #expect(error?.code == .stateUnusable)
        #expect(error?.message.contains(path) == true)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data(content.utf8))
    }

    @Test func `a page that was overwritten is found when the file is opened`() async throws {
        var controller = StoringController()
        for number in 0..<40 { try controller.deploy(application("shop\(number)", version: 1, replicas: 1)) }
        try await controller.save(to: store())
        var bytes = try Data(contentsOf: URL(filePath: path))
        // Everything is in the file itself once the last connection closed it.
        try #require(bytes.count > 5 * 4096)
        for index in 2 * 4096..<5 * 4096 { bytes[index] = 0xa5 }
        try bytes.write(to: URL(filePath: path))
        let error = #expect(throws: ServeError.self) { try store().load() }
        #expect(error?.code == .stateUnusable)
    }

    @Test func `a database of another program is refused`() async throws {
        try await DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE cake (name TEXT)") }
        let error = #expect(throws: ServeError.self) { try store() }
        #expect(error?.message.contains("is another program's database") == true)
    }

    @Test func `an unreadable application is an error, not a missing one`() async throws {
        var controller = StoringController()
        try controller.deploy(application("shop", version: 1, replicas: 1))
        try await controller.save(to: store())
        try await DatabaseQueue(path: path).write { try $0.execute(sql: "UPDATE application SET goal = '{}'") }
        let error = #expect(throws: ServeError.self) { try store().load() }
        #expect(error?.code == .stateUnusable)
        #expect(error?.message.contains("'shop'") == true)
    }

    // MARK: Versions

    private static let later =
        Schema.steps + [
            Schema.Step(name: "2 colours") { try $0.execute(sql: "ALTER TABLE application ADD COLUMN colour TEXT") }
        ]

    @Test func `an upgrade keeps what is there, and a copy of the file as it was`() async throws {
        var controller = StoringController()
        try controller.deploy(application("shop", version: 1, replicas: 1))
        try await controller.save(to: store())

        let upgraded = try SQLiteGoalStore(path, build: "one", schema: Self.later)
        #expect(try upgraded.load().applications == controller.state.goal.applications)
        #expect(try SQLiteGoalStore("\(path).1.backup", build: "one").load().applications.count == 1)
        // Opening it once more upgrades nothing, and so copies nothing.
        _ = try SQLiteGoalStore(path, build: "one", schema: Self.later)
        #expect(!FileManager.default.fileExists(atPath: "\(path).2.backup"))
    }

    @Test func `a file of a newer version is refused and not changed`() throws {
        _ = try SQLiteGoalStore(path, build: "one", schema: Self.later)
        let error = #expect(throws: ServeError.self) { try store() }
        #expect(error?.code == .stateUnusable)
        #expect(error?.message.contains("newer version of Swerve") == true)
        #expect(try SQLiteGoalStore(path, build: "one", schema: Self.later).load().applications.isEmpty)
    }

    private func store(build: String = "one") throws -> SQLiteGoalStore {
        try SQLiteGoalStore(path, build: build, executables: KeptExecutables(in: executables, version: 8))
    }

    private var executables: String { StateDirectory.executables(beside: path) }

    private var kept: [String] { (try? FileManager.default.contentsOfDirectory(atPath: executables).sorted()) ?? [] }

    private func keep(_ build: String) throws {
        try FileManager.default.createDirectory(atPath: executables, withIntermediateDirectories: true)
        try Data("program".utf8).write(to: URL(filePath: "\(executables)/\(build)-8"))
    }
}
