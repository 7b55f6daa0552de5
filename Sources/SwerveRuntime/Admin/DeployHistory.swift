internal import SwerveAdmin
internal import SwerveCore
internal import SwerveHTTPTypes

/// The specifications of each application that were deployed, so that an earlier one can be deployed again. In memory
/// only: after a restart it begins with what runs.
struct DeployHistory {
    struct Entry {
        let revision: Int
        let spec: ApplicationSpec
        let deployedAt: MonotonicTime
    }

    /// How many of each application are kept.
    static let limit = 10

    private struct Application {
        /// The latest last.
        var entries: [Entry] = []
        var next = 1
    }

    private var applications: [String: Application] = [:]

    /// Notes a specification that runs now.
    mutating func add(_ spec: ApplicationSpec, at time: MonotonicTime) {
        var application = applications[spec.name] ?? Application()
        application.entries.append(Entry(revision: application.next, spec: spec, deployedAt: time))
        application.next += 1
        if application.entries.count > Self.limit { application.entries.removeFirst() }
        applications[spec.name] = application
    }

    /// The contents of the working directories that going back may need.
    var workingDirectories: Set<String> {
        applications.values.reduce(into: []) { found, application in
            for entry in application.entries { found.formUnion(entry.spec.workingDirectories) }
        }
    }

    mutating func remove(_ name: String) { applications[name] = nil }

    /// When each application was deployed last, by name.
    var lastDeploys: [String: MonotonicTime] { applications.compactMapValues { $0.entries.last?.deployedAt } }

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
}
