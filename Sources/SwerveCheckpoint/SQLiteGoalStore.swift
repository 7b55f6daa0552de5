internal import Foundation
internal import GRDB
package import SwerveControl
internal import SwerveController
package import SwerveCore
internal import SwerveSystem

/// A goal in an SQLite file.
///
/// Each change is one transaction, in a write-ahead log that is synchronised before the transaction counts as done
/// (`synchronous = FULL`). A crash in the middle leaves the state before or after the change.
package final class SQLiteGoalStore: GoalStore {
    private let path: String
    private let build: String
    private let executables: KeptExecutables?
    private let database: DatabaseQueue
    /// What ``save(_:)`` wrote last, so that a change of the target does not write megabytes of arguments again.
    private let stored = StoredArguments()
    /// The builds that the applications in the file need.
    private let needed = NeededBuilds()

    /// Opens the file, and makes it if it is not there. A file of an earlier version is upgraded; a copy of it stays
    /// beside it.
    ///
    /// - Parameters:
    ///   - path: of the file; other files beside it have names that begin with its own.
    ///   - build: identifies the build of this program.
    ///   - executables: those of other builds that can be started; what no application needs any more is removed.
    /// - Throws: ``ServeError`` with code `stateUnusable` if the file is damaged, is something else, or was written by a
    ///   newer version; `system` if it cannot be read or written.
    package convenience init(
        _ path: String,
        build: String,
        executables: KeptExecutables? = nil
    ) throws(ServeError) {
        try self.init(path, build: build, executables: executables, schema: Schema.steps)
    }

    init(
        _ path: String,
        build: String,
        executables: KeptExecutables? = nil,
        schema: [Schema.Step]
    ) throws(ServeError) {
        self.path = path
        self.build = build
        self.executables = executables
        do {
            database = try Schema.open(path, schema)
        } catch {
            throw Self.error(error, path)
        }
    }

    // MARK: Loading

    /// The goal as stored last. What another build of the program deployed runs from the executable that was kept of
    /// that build. Without one, the application does not start: its arguments and types may mean something else in this
    /// program.
    ///
    /// - Throws: ``ServeError`` with code `stateUnusable` if something in the file cannot be understood.
    package func load() throws(ServeError) -> GoalState {
        do {
            return try database.read { db in try self.goal(in: db) }
        } catch {
            throw Self.error(error, path)
        }
    }

    private func goal(in db: Database) throws -> GoalState {
        var applications: [String: GoalState.Application] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT name, goal FROM application ORDER BY name") {
            let name: String = row["name"]
            var application: GoalState.Application
            do {
                let text = Data((row["goal"] as String).utf8)
                application = try JSONDecoder().decode(GoalState.Application.self, from: text)
            } catch {
                throw Unreadable(application: name, reason: "\(error)")
            }
            let arguments = try Data.fetchAll(
                db,
                sql: "SELECT bytes FROM argument WHERE application = ? ORDER BY position",
                arguments: [name]
            ).map { [UInt8]($0) }
            guard arguments.count == application.arguments.count else {
                throw Unreadable(application: name, reason: "its arguments are incomplete")
            }
            application.arguments = arguments
            stored.set(name, arguments)
            applications[name] = application
            needed.set(name, application.builds)
        }
        func number(_ name: String) throws -> Int64? {
            try Int64.fetchOne(db, sql: "SELECT value FROM number WHERE name = ?", arguments: [name])
        }
        var goal = GoalState(
            applications: applications,
            numbersBelow: UInt64(max(1, try number(Self.nextReplica) ?? 1)),
            targetCapacity: try number(Self.targetCapacity).map { Int($0) }
        )
        for name in applications.keys.sorted() { goal.keep(name) { self.reasonAgainst($0) } }
        return goal
    }

    /// Why this program cannot start replicas of the spec; `nil` if it can.
    private func reasonAgainst(_ spec: DeploymentSpec) -> String? {
        if spec.build.isEmpty || spec.build == build { return nil }
        let what = "another build of the program deployed it (\(spec.build))"
        if spec.options.placement == .inProcess {
            return "\(what), and only that one can run it in its own process; run the application again"
        }
        guard executables?.path(of: spec.build) == nil else { return nil }
        return "\(what), and its executable is not kept or cannot work with this one; run the application again"
    }

    /// Removes the executables that no application needs.
    package func removeUnneeded() { executables?.removeAll(except: needed.builds.union([build])) }

    /// The names of numbers.
    private static let nextReplica = "next replica"
    private static let targetCapacity = "target capacity"

    // MARK: Saving

    package func save(_ change: GoalChange) async throws(ServeError) {
        do {
            let written = try await database.write { db in
                var written: [String: [[UInt8]]?] = [:]
                for (name, application) in change.applications.sorted(by: { $0.key < $1.key }) {
                    if let application {
                        written[name] = .some(try self.save(application, name, in: db))
                    } else {
                        try db.execute(sql: "DELETE FROM application WHERE name = ?", arguments: [name])
                        written[name] = .some(nil)
                    }
                }
                if let bound = change.numbersBelow {
                    try Self.save(Int64(clamping: bound), as: Self.nextReplica, in: db)
                }
                if let percent = change.targetCapacity {
                    try Self.save(percent.map { Int64($0) }, as: Self.targetCapacity, in: db)
                }
                return written
            }
            for (name, arguments) in written { stored.set(name, arguments) }
            var hasFewer = false
            for (name, application) in change.applications {
                hasFewer = needed.set(name, application?.builds ?? []) || hasFewer
            }
            if hasFewer { removeUnneeded() }
        } catch {
            throw Self.error(error, path)
        }
    }

    private func save(_ application: GoalState.Application, _ name: String, in db: Database) throws -> [[UInt8]] {
        let arguments = application.arguments
        var bare = application
        bare.arguments = []
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(bare), as: UTF8.self)
        try db.execute(
            sql: """
                INSERT INTO application (name, build, goal) VALUES (?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET build = excluded.build, goal = excluded.goal
                """,
            arguments: [name, build, text]
        )
        guard stored[name] != arguments else { return arguments }
        try db.execute(sql: "DELETE FROM argument WHERE application = ?", arguments: [name])
        for (position, bytes) in arguments.enumerated() {
            try db.execute(
                sql: "INSERT INTO argument (application, position, bytes) VALUES (?, ?, ?)",
                arguments: [name, position, Data(bytes)]
            )
        }
        return arguments
    }

    private static func save(_ value: Int64?, as name: String, in db: Database) throws {
        guard let value else { return try db.execute(sql: "DELETE FROM number WHERE name = ?", arguments: [name]) }
        try db.execute(sql: "INSERT OR REPLACE INTO number (name, value) VALUES (?, ?)", arguments: [name, value])
    }

    // MARK: Errors

    struct Unreadable: Error {
        let application: String
        let reason: String
    }

    private static func error(_ error: any Error, _ path: String) -> ServeError {
        guard let error = error as? Unreadable else { return Schema.error(error, .goal, path) }
        let what = "holds the application '\(error.application)' in an unreadable form: \(error.reason)"
        return Schema.error(Schema.Refusal(what: what), .goal, path)
    }
}
