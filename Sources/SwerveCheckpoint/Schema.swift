internal import Foundation
internal import GRDB
internal import SwerveCore
internal import SwerveSystem

/// The tables of the state file and their earlier versions.
enum Schema {
    /// A change of the tables. Steps are only added at the end, and never changed.
    struct Step: Sendable {
        let name: String
        let change: @Sendable (Database) throws -> Void
    }

    static let steps = [
        Step(name: "1 applications") { db in
            try db.execute(
                sql: """
                    CREATE TABLE application (name TEXT PRIMARY KEY, build TEXT NOT NULL, goal TEXT NOT NULL) STRICT;
                    CREATE TABLE argument (
                        application TEXT NOT NULL REFERENCES application ON DELETE CASCADE,
                        position INTEGER NOT NULL,
                        bytes BLOB NOT NULL,
                        PRIMARY KEY (application, position)
                    ) STRICT;
                    CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
                    """
            )
        }
    ]

    /// Why a file is refused.
    struct Refusal: Error {
        let what: String
    }

    /// Marks the file as Swerve's, in the place that SQLite has for this: `Swrv`.
    private static let applicationID: Int32 = 0x5377_7276

    static func open(_ path: String, _ steps: [Step]) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let migrator = migrator(steps)
        let isNew = try queue.read { db in try check(db, migrator) }
        if !isNew, try !queue.read(migrator.hasCompletedMigrations) { try backUp(queue, path) }
        try migrator.migrate(queue)
        if isNew { try queue.write { db in try db.execute(sql: "PRAGMA application_id = \(applicationID)") } }
        return queue
    }

    private static func migrator(_ steps: [Step]) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for step in steps { migrator.registerMigration(step.name, migrate: step.change) }
        return migrator
    }

    /// - Returns: whether the file is empty.
    private static func check(_ db: Database, _ migrator: DatabaseMigrator) throws -> Bool {
        let problems = try String.fetchAll(db, sql: "PRAGMA quick_check(1)")
        if problems != ["ok"] { throw Refusal(what: "is damaged (\(problems.first ?? "it cannot be checked"))") }
        // A file whose first write was interrupted may have the list of upgrades, and nothing else.
        let tables = "SELECT COUNT(*) FROM sqlite_master WHERE tbl_name <> 'grdb_migrations'"
        let isEmpty = try Int.fetchOne(db, sql: tables) == 0
        let mark = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if !isEmpty, mark != applicationID, try migrator.appliedIdentifiers(db).isEmpty {
            throw Refusal(what: "is another program's database")
        }
        if try migrator.hasBeenSuperseded(db) {
            throw Refusal(what: "was written by a newer version of Swerve, which must be used to read it")
        }
        return isEmpty
    }

    /// Copies the file as it is before an upgrade: `state.sqlite.1.backup`, or the next free number.
    private static func backUp(_ queue: DatabaseQueue, _ path: String) throws {
        var number = 1
        while FileSystem.exists("\(path).\(number).backup") { number += 1 }
        let copy = "\(path).\(number).backup"
        try queue.backup(to: DatabaseQueue(path: copy))
        try FileSystem.sync(copy)
    }

    // MARK: Errors

    /// What a file is, for messages.
    struct File: Sendable {
        let name: String
        /// What an instance begins without when the file is not there.
        let content: String

        static let goal = File(name: "the state file", content: "applications")
        static let deploys = File(name: "the file of deploys", content: "earlier revisions")
    }

    static func error(_ error: any Error, _ file: File, _ path: String) -> ServeError {
        func unusable(_ what: String) -> ServeError {
            ServeError(
                .stateUnusable,
                "\(file.name) '\(path)' \(what); nothing in it was changed. "
                    + "Put a backup in its place, or move it away to begin without \(file.content)"
            )
        }
        switch error {
        case let error as ServeError: return error
        case let error as Refusal: return unusable(error.what)
        case let error as DecodingError: return unusable("holds something unreadable: \(error)")
        case let error as DatabaseError
        where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode.primaryResultCode):
            return unusable("is damaged (\(error.message ?? "SQLite error \(error.resultCode.rawValue)"))")
        case let error as DatabaseError:
            let reason = error.message ?? "SQLite error \(error.resultCode.rawValue)"
            return ServeError(.system, "\(file.name) '\(path)' cannot be used: \(reason)")
        default: return ServeError(.system, "\(file.name) '\(path)' cannot be used: \(error)")
        }
    }
}
