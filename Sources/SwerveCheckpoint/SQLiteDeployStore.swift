internal import Foundation
internal import GRDB
package import SwerveCore
internal import Synchronization

/// What was deployed, in an SQLite file: a ``DeployRecord`` for each application.
///
/// The goal has a file of its own, which a separate controller writes. This one belongs to the instance's process.
package final class SQLiteDeployStore: Sendable {
    private let path: String
    private let database: DatabaseQueue
    /// The versions of the records that were written last.
    private let written = Mutex<[String: UInt64]>([:])

    private static let steps = [
        Schema.Step(name: "1 records") { db in
            try db.execute(
                sql: """
                    CREATE TABLE record (application TEXT PRIMARY KEY, source TEXT) STRICT;
                    CREATE TABLE revision (
                        application TEXT NOT NULL REFERENCES record ON DELETE CASCADE,
                        number INTEGER NOT NULL,
                        spec TEXT NOT NULL,
                        source TEXT,
                        deployed_at INTEGER NOT NULL,
                        PRIMARY KEY (application, number)
                    ) STRICT;
                    CREATE TABLE argument (
                        application TEXT NOT NULL,
                        number INTEGER NOT NULL,
                        position INTEGER NOT NULL,
                        bytes BLOB NOT NULL,
                        PRIMARY KEY (application, number, position),
                        FOREIGN KEY (application, number) REFERENCES revision ON DELETE CASCADE
                    ) STRICT;
                    """
            )
        }
    ]

    /// Opens the file, and makes it if it is not there.
    ///
    /// - Throws: ``ServeError`` with code `stateUnusable` if the file is damaged, is something else, or was written by a
    ///   newer version; `system` if it cannot be read or written.
    package init(_ path: String) throws(ServeError) {
        self.path = path
        do {
            database = try Schema.open(path, Self.steps)
        } catch {
            throw Schema.error(error, .deploys, path)
        }
    }

    /// The records as stored last, by the applications' names.
    ///
    /// - Throws: ``ServeError`` with code `stateUnusable` if something in the file cannot be understood.
    package func load() throws(ServeError) -> [String: DeployRecord] {
        do {
            return try database.read { db in
                var records: [String: DeployRecord] = [:]
                for row in try Row.fetchAll(db, sql: "SELECT application, source FROM record") {
                    let name: String = row["application"]
                    records[name] = DeployRecord(source: try Self.source(row["source"]))
                }
                let revisions = "SELECT * FROM revision ORDER BY application, number"
                for row in try Row.fetchAll(db, sql: revisions) {
                    let name: String = row["application"]
                    records[name]?.revisions.append(try Self.revision(row, in: db))
                }
                return records
            }
        } catch {
            throw Schema.error(error, .deploys, path)
        }
    }

    private static func revision(_ row: Row, in db: Database) throws -> DeployRecord.Revision {
        let (name, number): (String, Int) = (row["application"], row["number"])
        var spec = try JSONDecoder().decode(ApplicationSpec.self, from: Data((row["spec"] as String).utf8))
        let arguments = try Data.fetchAll(
            db,
            sql: "SELECT bytes FROM argument WHERE application = ? AND number = ? ORDER BY position",
            arguments: [name, number]
        )
        guard arguments.count == spec.deployments.count else {
            throw Schema.Refusal(what: "has revision \(number) of '\(name)' without some of its arguments")
        }
        for (index, bytes) in arguments.enumerated() { spec.deployments[index].arguments = [UInt8](bytes) }
        return DeployRecord.Revision(
            number: number,
            spec: spec,
            source: try source(row["source"]),
            deployedAt: row["deployed_at"]
        )
    }

    private static func source(_ text: String?) throws -> DeployRecord.Source? {
        try text.map { try JSONDecoder().decode(DeployRecord.Source.self, from: Data($0.utf8)) }
    }

    /// Stores a record in place of the application's last one. It is durable when this returns.
    ///
    /// - Parameters:
    ///   - record: `nil` to remove it.
    ///   - version: grows with each change. One that comes after a later one has no effect.
    /// - Throws: ``ServeError`` with code `system` if it cannot be written, and what ``init(_:)`` throws.
    package func save(_ name: String, _ record: DeployRecord?, version: UInt64) async throws(ServeError) {
        do {
            try await database.write { db in
                guard self.written.withLock({ ($0[name] ?? 0) < version }) else { return }
                try db.execute(sql: "DELETE FROM record WHERE application = ?", arguments: [name])
                if let record { try Self.insert(name, record, in: db) }
                self.written.withLock { $0[name] = version }
            }
        } catch {
            throw Schema.error(error, .deploys, path)
        }
    }

    private static func insert(_ name: String, _ record: DeployRecord, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO record (application, source) VALUES (?, ?)",
            arguments: [name, try record.source.map(json)]
        )
        for revision in record.revisions {
            var spec = revision.spec
            for index in spec.deployments.indices { spec.deployments[index].arguments = [] }
            try db.execute(
                sql: "INSERT INTO revision (application, number, spec, source, deployed_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    name, revision.number, try json(spec), try revision.source.map(json), revision.deployedAt,
                ]
            )
            for (position, deployment) in revision.spec.deployments.enumerated() {
                try db.execute(
                    sql: "INSERT INTO argument (application, number, position, bytes) VALUES (?, ?, ?, ?)",
                    arguments: [name, revision.number, position, Data(deployment.arguments)]
                )
            }
        }
    }

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }
}
