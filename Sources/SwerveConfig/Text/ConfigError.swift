/// Where something is in a configuration: the file, the line, and the path of the field.
public struct ConfigPlace: Hashable, Sendable, CustomStringConvertible {
    /// The file's name as the caller gave it; empty for a configuration that the program made.
    public var file: String
    /// From 1; 0 for a configuration that no file has.
    public var line: Int
    /// From 1, in Unicode scalars; 0 for a configuration that no file has.
    public var column: Int
    /// Such as `applications[0].deployments[1].num_replicas`; empty for the whole configuration.
    public var path: String

    public init(file: String = "", line: Int = 0, column: Int = 0, path: String = "") {
        self.file = file
        self.line = line
        self.column = column
        self.path = path
    }

    /// The form that editors and terminals turn into a link: `swerve.yaml:12:9: applications[0].name`.
    public var description: String {
        let position = line == 0 ? file : "\(file.isEmpty ? "line " : "\(file):")\(line):\(column)"
        return [position, path].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}

/// One thing that is wrong in a configuration.
public struct ConfigProblem: Hashable, Sendable, CustomStringConvertible {
    /// What kind of mistake it is. Open: later versions may add kinds.
    public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// The text is not YAML or not JSON.
        public static let syntax = Kind("syntax")
        /// The text is larger, deeper or expands to more than ``ConfigLimits`` allow.
        public static let limit = Kind("limit")
        /// There is no field of that name there.
        public static let unknownField = Kind("unknown_field")
        /// A field that must be given is not.
        public static let missingField = Kind("missing_field")
        /// The value has another type.
        public static let wrongType = Kind("wrong_type")
        /// The value has the right type and is not one of those accepted.
        public static let outOfRange = Kind("out_of_range")
        /// Two fields, or two entries, contradict each other.
        public static let conflict = Kind("conflict")
        /// The configuration asks for something that Swerve does not do, and that would be dangerous to leave out.
        public static let unsupported = Kind("unsupported")
        /// The application has no deployment of that name.
        public static let unknownDeployment = Kind("unknown_deployment")
    }

    public var kind: Kind
    public var place: ConfigPlace
    /// What is wrong, and what would be right.
    public var message: String
    /// The nearest valid name; `nil` if none is near.
    public var suggestion: String?

    public init(_ kind: Kind, at place: ConfigPlace, _ message: String, suggestion: String? = nil) {
        self.kind = kind
        self.place = place
        self.message = message.onOneLine
        self.suggestion = suggestion
    }

    public var description: String {
        let hint = suggestion.map { "; did you mean '\($0)'?" } ?? ""
        return "\(place): \(message)\(hint)"
    }
}

/// Everything that is wrong in a configuration, in the order of the file.
public struct ConfigError: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one, and at most ``ConfigLimits/maxProblems``.
    public var problems: [ConfigProblem]
    /// How many more there are.
    public var omitted: Int

    public init(_ problems: [ConfigProblem], omitted: Int = 0) {
        self.problems = problems
        self.omitted = omitted
    }

    /// One line for each problem.
    public var description: String {
        let lines = problems.map(\.description) + (omitted == 0 ? [] : ["and \(omitted) more"])
        return lines.joined(separator: "\n")
    }
}

/// A field that is accepted although it has no effect, or has another name now.
public struct ConfigWarning: Hashable, Sendable, CustomStringConvertible {
    public var place: ConfigPlace
    public var message: String

    public init(at place: ConfigPlace, _ message: String) {
        self.place = place
        self.message = message.onOneLine
    }

    public var description: String { "\(place): \(message)" }
}

extension String {
    /// With escapes for what would break a line or steer a terminal, and without the rest of a very long text.
    var onOneLine: String {
        var line = ""
        for scalar in unicodeScalars.prefix(2000) {
            switch scalar {
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}"..."\u{2029}":
                line += scalar.escaped(asASCII: false)
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}

/// What a configuration file may cost. A file beyond a limit is refused with ``ConfigProblem/Kind/limit``.
public struct ConfigLimits: Hashable, Sendable {
    /// How large the text may be, in bytes; 1 MiB by default. It is checked before anything is read.
    public var maxBytes: Int
    /// How deep lists and mappings may be nested; 64 by default.
    public var maxDepth: Int
    /// How many values the file may have once aliases (`*name`) are replaced by what they stand for; 100 000 by
    /// default.
    public var maxValues: Int
    /// How many problems are reported; 50 by default. The others are counted.
    public var maxProblems: Int

    public init(
        maxBytes: Int = 1 << 20,
        maxDepth: Int = 64,
        maxValues: Int = 100_000,
        maxProblems: Int = 50
    ) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxValues = maxValues
        self.maxProblems = maxProblems
    }
}

/// The language of a configuration's text.
public struct ConfigFormat: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    /// YAML 1.2, its core schema: only `true` and `false` are booleans.
    public static let yaml = ConfigFormat(description: "YAML")
    public static let json = ConfigFormat(description: "JSON")

    /// JSON for names that end in `.json`, otherwise YAML.
    public static func of(_ file: String) -> ConfigFormat {
        file.lowercased().hasSuffix(".json") ? .json : .yaml
    }
}
