internal import SwerveAdmin
internal import SwerveCheckpoint
internal import SwerveConfig
internal import SwerveCore
internal import SwerveHTTPTypes

/// What was deployed under each name: the configuration that was accepted last, and the specifications that ran, so that
/// an earlier one can be deployed again.
struct DeployHistory {
    /// One application of a configuration.
    struct Source: Sendable {
        let config: ApplicationConfig
        /// Whether it was one of a whole configuration. The next one deletes it unless it names it, too.
        let isWhole: Bool
    }

    struct Entry {
        let revision: Int
        let spec: ApplicationSpec
        /// `nil` if a program ran it itself.
        let source: Source?
        /// In nanoseconds since 1970.
        let deployedAt: Int64
    }

    /// How many of each application are kept.
    static let limit = 10

    private struct Application {
        var source: Source?
        /// The latest last.
        var entries: [Entry] = []
        var next: Int { (entries.last?.revision ?? 0) + 1 }
    }

    private var applications: [String: Application] = [:]

    // MARK: Changes

    /// Notes what was accepted, before it runs.
    mutating func accept(_ name: String, _ source: Source?) {
        if applications[name] == nil, source == nil { return }
        applications[name, default: Application()].source = source
    }

    /// Notes a specification that runs now.
    mutating func add(_ spec: ApplicationSpec, _ source: Source?, at time: Int64) {
        var application = applications[spec.name] ?? Application()
        application.source = source
        application.entries.append(
            Entry(revision: application.next, spec: spec, source: source, deployedAt: time)
        )
        if application.entries.count > Self.limit { application.entries.removeFirst() }
        applications[spec.name] = application
    }

    mutating func remove(_ name: String) { applications[name] = nil }

    /// Goes on with what an earlier instance stored. What runs decides: an application that does not run any more is
    /// forgotten, and one that was deployed just before the instance ended gets the revision that it lacks.
    mutating func restore(_ records: [String: DeployRecord], running: [String: ApplicationSpec], at time: Int64) {
        for (name, spec) in running {
            let record = records[name] ?? DeployRecord()
            var application = Application(source: Source(record.source), entries: record.revisions.map(Entry.init))
            if let last = application.entries.last, last.spec == spec {
                application.source = last.source
                applications[name] = application
            } else {
                applications[name] = application
                add(spec, application.source, at: time)
            }
        }
    }

    // MARK: What is asked

    /// The contents of the working directories that going back may need.
    var workingDirectories: Set<String> {
        applications.values.reduce(into: []) { found, application in
            for entry in application.entries { found.formUnion(entry.spec.workingDirectories) }
        }
    }

    /// The builds that going back may need, those of the latest deploys first.
    var builds: [String] {
        let latest = applications.values.flatMap(\.entries).sorted { $0.deployedAt > $1.deployedAt }
        var found: [String] = []
        for build in latest.flatMap({ $0.spec.deployments.map(\.build) }) where !build.isEmpty {
            if !found.contains(build) { found.append(build) }
        }
        return found
    }

    /// When each application was deployed last, by name, in nanoseconds since 1970.
    var lastDeploys: [String: Int64] { applications.compactMapValues { $0.entries.last?.deployedAt } }

    /// What each application came from, by name; those that a program runs itself are missing.
    var sources: [String: Source] { applications.compactMapValues(\.source) }

    /// The latest first; none of an application that does not run.
    func entries(of name: String) -> [Entry] { applications[name]?.entries.reversed() ?? [] }

    /// The entry to go back to.
    ///
    /// - Parameter revision: `nil` for the latest one that is not like the present one.
    /// - Throws: ``AdminError`` with status 404 or 409 if there is none.
    func entry(of name: String, _ revision: Int?) throws(AdminError) -> Entry {
        let entries = entries(of: name)
        guard let present = entries.first else { throw .notFound("no application '\(name)' runs") }
        if let revision {
            guard let entry = entries.first(where: { $0.revision == revision }) else {
                let known = entries.map { "\($0.revision)" }.joined(separator: ", ")
                throw .notFound("the application '\(name)' has no revision \(revision) any more; there is \(known)")
            }
            return entry
        }
        guard let entry = entries.first(where: { $0.spec != present.spec }) else {
            throw AdminError(.conflict, "no_earlier_revision", "the application '\(name)' has no earlier revision")
        }
        return entry
    }

    /// For the store; `nil` for an application of which nothing is known.
    func record(of name: String) -> DeployRecord? {
        applications[name].map { application in
            DeployRecord(
                source: application.source?.record,
                revisions: application.entries.map { entry in
                    DeployRecord.Revision(
                        number: entry.revision,
                        spec: entry.spec,
                        source: entry.source?.record,
                        deployedAt: entry.deployedAt
                    )
                }
            )
        }
    }
}

extension DeployHistory.Entry {
    fileprivate init(_ revision: DeployRecord.Revision) {
        self.init(
            revision: revision.number,
            spec: revision.spec,
            source: DeployHistory.Source(revision.source),
            deployedAt: revision.deployedAt
        )
    }
}

extension DeployHistory.Source {
    fileprivate var record: DeployRecord.Source {
        DeployRecord.Source(config: ServeConfig(applications: [config]).json.json, isWhole: isWhole)
    }

    /// - Returns: `nil` for a configuration that this version does not understand; the application runs without it.
    fileprivate init?(_ record: DeployRecord.Source?) {
        guard let record, let parsed = try? ServeConfig.parse(record.config, file: "", format: .json),
            let config = parsed.config.applications.first
        else { return nil }
        self.init(config: config, isWhole: record.isWhole)
    }
}
