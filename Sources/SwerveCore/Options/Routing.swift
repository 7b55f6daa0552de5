extension DeploymentOptions {
    /// Which replica a call goes to.
    public struct Routing: Hashable, Sendable, Codable, CustomStringConvertible {
        package enum Kind: String, Codable, Sendable {
            case powerOfTwoChoices, roundRobin, leastLoaded, consistentHash, own
        }
        package let kind: Kind
        private let own: TypeName<any RoutingPolicy.Type>?

        private init(_ kind: Kind, own: TypeName<any RoutingPolicy.Type>? = nil) {
            self.kind = kind
            self.own = own
        }

        /// Of two replicas chosen at random, the one with fewer outstanding requests. The default.
        public static let powerOfTwoChoices = Routing(.powerOfTwoChoices)
        /// Each replica in turn, skipping full ones.
        public static let roundRobin = Routing(.roundRobin)
        /// The replica with the fewest outstanding requests of the calling process.
        public static let leastLoaded = Routing(.leastLoaded)
        /// The same replica for the same session (`x-session-id`, or `handle.options(sessionKey:)`), unless it has much
        /// more to do than the others. See ``ConsistentHash``.
        public static let consistentHash = Routing(.consistentHash)
        /// A policy of the program, which each calling process makes with its `init()`.
        public static func type<Own: RoutingPolicy>(_ type: Own.Type) -> Routing {
            Routing(.own, own: TypeName(type))
        }

        /// A new policy of the program; `nil` if it is a built-in one, or if this process has no such type.
        package func makeOwn() -> (any RoutingPolicy)? { own?.type?.init() }

        public var description: String { own?.description ?? kind.rawValue }

        func problem() -> String? {
            kind == .own && makeOwn() == nil ? "this program has no policy '\(self)'; a local type cannot be one" : nil
        }
    }

    /// Which requests are refused although the queue has a place for them.
    public struct Admission: Hashable, Sendable, Codable, CustomStringConvertible {
        package enum Kind: String, Codable, Sendable { case meetingDeadlines, all, own }
        package let kind: Kind
        private let own: TypeName<any AdmissionPolicy.Type>?

        private init(_ kind: Kind, own: TypeName<any AdmissionPolicy.Type>? = nil) {
            self.kind = kind
            self.own = own
        }

        /// Those that would probably not be answered before their deadline. The default.
        public static let meetingDeadlines = Admission(.meetingDeadlines)
        /// None.
        public static let all = Admission(.all)
        /// Those that a policy of the program refuses, which each calling process makes with its `init()`.
        public static func type<Own: AdmissionPolicy>(_ type: Own.Type) -> Admission {
            Admission(.own, own: TypeName(type))
        }

        /// A new policy of the program; `nil` if it is a built-in one, or if this process has no such type.
        package func makeOwn() -> (any AdmissionPolicy)? { own?.type?.init() }

        public var description: String { own?.description ?? kind.rawValue }

        func problem() -> String? {
            kind == .own && makeOwn() == nil ? "this program has no policy '\(self)'; a local type cannot be one" : nil
        }
    }
}

/// The name of a type of the program, by which any process of it finds the type.
struct TypeName<Type: Sendable>: Hashable, Sendable, Codable, CustomStringConvertible {
    /// `nil` for a type that cannot be found by name.
    private let mangled: String?
    let description: String

    init(_ type: Any.Type) {
        self.mangled = _mangledTypeName(type)
        self.description = "\(type)"
    }

    var type: Type? { mangled.flatMap { _typeByName($0) as? Type } }
}
