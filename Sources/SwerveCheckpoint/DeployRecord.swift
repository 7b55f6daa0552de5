package import SwerveCore

/// What was deployed under the name of an application: for showing its configuration and for going back.
package struct DeployRecord: Hashable, Sendable {
    /// The configuration that a specification came from.
    package struct Source: Hashable, Sendable, Codable {
        /// One application of a configuration, as JSON.
        package var config: String
        /// Whether it was one of a whole configuration, and the next one deletes it unless it names it, too.
        package var isWhole: Bool

        package init(config: String, isWhole: Bool) {
            self.config = config
            self.isWhole = isWhole
        }
    }

    /// A specification that ran.
    package struct Revision: Hashable, Sendable {
        package var number: Int
        package var spec: ApplicationSpec
        /// `nil` if a program ran it itself.
        package var source: Source?
        /// In nanoseconds since 1970.
        package var deployedAt: Int64

        package init(number: Int, spec: ApplicationSpec, source: Source?, deployedAt: Int64) {
            self.number = number
            self.spec = spec
            self.source = source
            self.deployedAt = deployedAt
        }
    }

    /// What was accepted last, which may not run yet; `nil` if a program ran the application itself.
    package var source: Source?
    /// The latest last.
    package var revisions: [Revision]

    package init(source: Source? = nil, revisions: [Revision] = []) {
        self.source = source
        self.revisions = revisions
    }
}
