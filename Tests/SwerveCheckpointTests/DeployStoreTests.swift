import Foundation
import GRDB
import SwerveCore
import Testing

@testable import SwerveCheckpoint

/// What was deployed, in a file.
@Suite struct DeployStoreTests {
    private let folder = TemporaryFolder()
    private var path: String { "\(folder.path)/deploys.sqlite" }

    private let source = DeployRecord.Source(config: #"{"applications":[]}"#, isWhole: true)

    private func record(_ versions: UInt8...) -> DeployRecord {
        let revisions = versions.enumerated().map { index, version in
            DeployRecord.Revision(
                number: index + 7,
                spec: application("shop", version: version, replicas: 2),
                source: index == 0 ? nil : source,
                deployedAt: 1_700_000_000_123_456_789 + Int64(index)
            )
        }
        return DeployRecord(source: source, revisions: revisions)
    }

    @Test func `what was stored is loaded, with arguments and in its order`() async throws {
        let records = ["shop": record(1, 2, 3), "bare": DeployRecord(source: source)]
        let store = try SQLiteDeployStore(path)
        for (name, record) in records { try await store.save(name, record, version: 1) }
        #expect(try store.load() == records)
        #expect(try SQLiteDeployStore(path).load() == records)
    }

    @Test func `a record replaces the last one whole, and can be removed`() async throws {
        let store = try SQLiteDeployStore(path)
        try await store.save("shop", record(1, 2), version: 1)
        try await store.save("shop", record(3), version: 2)
        #expect(try store.load() == ["shop": record(3)])
        try await store.save("shop", nil, version: 3)
        #expect(try store.load().isEmpty)
        let left = try await DatabaseQueue(path: path).read {
            try Int.fetchOne($0, sql: "SELECT (SELECT COUNT(*) FROM argument) + (SELECT COUNT(*) FROM revision)")
        }
        #expect(left == 0)
    }

    @Test func `a record that comes after a later one has no effect`() async throws {
        let store = try SQLiteDeployStore(path)
        try await store.save("shop", record(2), version: 5)
        try await store.save("shop", record(1), version: 4)
        try await store.save("other", record(1), version: 3)
        #expect(try store.load() == ["shop": record(2), "other": record(1)])
    }

    @Test func `a file that cannot be trusted is refused and left alone`() async throws {
        try Data("no database, but long enough to be read as one".utf8).write(to: URL(filePath: path))
        let other = #expect(throws: ServeError.self) { try SQLiteDeployStore(path) }
        #expect(other?.code == .stateUnusable)
        #expect(other?.message.contains("begin without earlier revisions") == true)
        #expect(try Data(contentsOf: URL(filePath: path)).starts(with: Data("no database".utf8)))
    }

    @Test(arguments: ["DELETE FROM argument", "UPDATE revision SET spec = '{}'", "UPDATE record SET source = 'x'"])
    func `a record that cannot be understood is refused`(_ damage: String) async throws {
        let store = try SQLiteDeployStore(path)
        try await store.save("shop", record(1), version: 1)
        try await DatabaseQueue(path: path).write { try $0.execute(sql: damage) }
        let error = #expect(throws: ServeError.self) { try store.load() }
        #expect(error?.code == .stateUnusable)
    }
}
