/// An error in Swerve itself, as opposed to one that user code threw.
///
/// It crosses process boundaries unchanged. Compare ``code``; ``message`` is for people.
public struct ServeError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add codes, so handle unknown ones.
    public struct Code: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// A bound deployment was called before `Serve.run`.
        public static let notRunning = Code("not_running")
        /// No application or deployment has that name.
        public static let notFound = Code("not_found")
        /// The deployment that the handle names was deleted.
        public static let deleted = Code("deleted")
        /// The replica was lost while it worked on the request; whether the work took effect is unknown.
        public static let replicaLost = Code("replica_lost")
        /// No replica can serve: every attempt to start one failed.
        public static let unavailable = Code("unavailable")
        /// The queue in front of the deployment is full.
        public static let queueFull = Code("queue_full")
        /// The deployment has too much to do: the request would not be answered before its deadline.
        public static let overloaded = Code("overloaded")
        /// The deployment's ``AdmissionPolicy`` refused the request.
        public static let tooManyRequests = Code("too_many_requests")
        /// The request exceeded its time limit.
        public static let deadlineExceeded = Code("deadline_exceeded")
        /// An option, a name or an argument of an API call is not acceptable.
        public static let invalidOptions = Code("invalid_options")
        /// The replicas of a deployment reserve more than the nodes have, even if nothing else runs.
        public static let insufficientResources = Code("insufficient_resources")
        /// The graph cannot run: it has two inputs, an unreachable branch, or a method of another application.
        public static let invalidGraph = Code("invalid_graph")
        /// The bytes cannot be decoded as the type that the callee expects.
        public static let invalidArgument = Code("invalid_argument")
        /// A batched method returned another number of results than it got items.
        public static let wrongResultCount = Code("wrong_result_count")
        /// A request that needs a model does not say which.
        public static let missingModelID = Code("missing_model_id")
        /// There is no model with that ID. A `@Multiplexed` loader throws it.
        public static let modelNotFound = Code("model_not_found")
        /// The value cannot be encoded.
        public static let unencodable = Code("unencodable")
        /// The actor has no such method, or the two sides were built from different sources.
        public static let unknownMethod = Code("unknown_method")
        /// The message is larger than the connection's limit.
        public static let tooLarge = Code("too_large")
        /// The peer broke the protocol; the connection was closed.
        public static let protocolViolation = Code("protocol_violation")
        /// A replica could not be started.
        public static let startFailed = Code("start_failed")
        /// The address to listen on is already in use.
        public static let addressInUse = Code("address_in_use")
        /// Another instance uses the state directory.
        public static let stateInUse = Code("state_in_use")
        /// The state directory cannot be used: it is open to other users, or its file is damaged or of a newer version.
        public static let stateUnusable = Code("state_unusable")
        /// The instance is shutting down or was shut down.
        public static let shutDown = Code("shut_down")
        /// A call to the operating system failed.
        public static let system = Code("system")
    }

    public var code: Code
    public var message: String
    /// The deployment concerned, where there is one.
    public var deployment: DeploymentID?
    /// The replica concerned, where there is one.
    public var replica: ReplicaID?
    /// After which time trying again makes sense, where that is known.
    public var retryAfter: Duration?

    public init(
        _ code: Code,
        _ message: String,
        deployment: DeploymentID? = nil,
        replica: ReplicaID? = nil,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.deployment = deployment
        self.replica = replica
        self.retryAfter = retryAfter
    }

    public var description: String { "\(code): \(message)" }
}

/// Stands in for an error that user code threw in a replica, when its type is not `Codable` and so cannot be sent
/// itself.
public struct RemoteError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    public var deployment: DeploymentID
    public var replica: ReplicaID?
    /// The name of the error's type in the replica.
    public var typeName: String
    /// The error's own description.
    public var message: String

    public init(deployment: DeploymentID, replica: ReplicaID?, typeName: String, message: String) {
        self.deployment = deployment
        self.replica = replica
        self.typeName = typeName
        self.message = message
    }

    public var description: String {
        "\(typeName) thrown by \(replica?.description ?? deployment.description): \(message)"
    }
}
