/// What running an application would change, as `Serve.plan` says. It can be compared, encoded, or printed.
public struct DeployPlan: Hashable, Sendable, Codable, CustomStringConvertible {
    /// What happens to one deployment.
    public struct Change: Hashable, Sendable, Codable, CustomStringConvertible {
        /// The heaviest effect of the difference. Open: later versions may add some.
        public struct Action: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
            public let rawValue: String
            public init(rawValue: String) {
                self.rawValue = rawValue
            }
            private init(_ rawValue: String) {
                self.rawValue = rawValue
            }
            public var description: String { rawValue }

            /// It does not run yet.
            public static let create = Action("create")
            /// It runs and is not part of the application any more.
            public static let delete = Action("delete")
            /// New replicas replace the ones that run.
            public static let replace = Action("replace")
            /// The replicas that run take over another configuration.
            public static let reconfigure = Action("reconfigure")
            /// Replicas of the same kind start or stop.
            public static let scale = Action("scale")
            /// Only the controller or the callers use something new.
            public static let options = Action("options")
            /// Nothing happens.
            public static let unchanged = Action("unchanged")
        }

        /// What differs.
        public struct Field: Hashable, Sendable, Codable, CustomStringConvertible {
            public var name: String
            /// The old and the new value as text; empty for values that are encoded, such as arguments.
            public var from: String
            public var to: String

            public init(_ name: String, from: String = "", to: String = "") {
                self.name = name
                self.from = from
                self.to = to
            }

            public var description: String { from == to ? name : "\(name): \(from) -> \(to)" }
        }

        public var deployment: DeploymentID
        public var action: Action
        /// Everything that differs, also what would have a lighter effect alone. Empty for a deployment that is created
        /// or deleted.
        public var fields: [Field]
        /// How the replicas change: the rule, and whether resources force another.
        public var method: String

        public init(_ deployment: DeploymentID, _ action: Action, fields: [Field] = [], method: String = "") {
            self.deployment = deployment
            self.action = action
            self.fields = fields
            self.method = method
        }

        public var description: String {
            let reasons = fields.map(\.description).joined(separator: ", ")
            return "\(deployment): \(action)" + (reasons.isEmpty ? "" : " (\(reasons))")
                + (method.isEmpty ? "" : "; \(method)")
        }
    }

    public var application: String
    /// One for each deployment of the application, before or after, by name.
    public var changes: [Change]

    public init(application: String, changes: [Change]) {
        self.application = application
        self.changes = changes
    }

    /// Whether something would happen.
    public var changesSomething: Bool { changes.contains { $0.action != .unchanged } }

    /// One line for each deployment.
    public var description: String { changes.map { "\($0)\n" }.joined() }
}
