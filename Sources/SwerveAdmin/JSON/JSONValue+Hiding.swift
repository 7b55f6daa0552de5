internal import SwerveCore

extension JSONValue {
    /// What stands in the place of a value that may be secret.
    static let hidden: JSONValue = "<hidden>"
    /// The members of a configuration whose values only their owner knows.
    private static let secretive: Set = ["args", "env_vars", "user_config"]

    /// The value, but only with the names of arguments, environment variables and user configurations.
    var hidingSecrets: JSONValue {
        switch self {
        case .object(let members):
            var shown = members
            for (name, value) in members {
                guard Self.secretive.contains(name) else {
                    shown[name] = value.hidingSecrets
                    continue
                }
                if case .object(let secrets) = value {
                    shown[name] = .object(secrets.mapValues { _ in Self.hidden })
                } else if value != .null {
                    shown[name] = Self.hidden
                }
            }
            return .object(shown)
        case .array(let elements): return .array(elements.map(\.hidingSecrets))
        default: return self
        }
    }
}
