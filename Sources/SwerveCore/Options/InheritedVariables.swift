/// Which of the instance's own variables a process inherits.
public struct InheritedVariables: Hashable, Sendable, Codable, CustomStringConvertible {
    private let isAll: Bool
    private let hasBase: Bool
    /// Names, or beginnings of names with a `*` behind them.
    private let names: [String]

    private init(isAll: Bool = false, hasBase: Bool = false, names: [String] = []) {
        (self.isAll, self.hasBase, self.names) = (isAll, hasBase, names)
    }

    /// All of them, as processes that a program starts usually do.
    public static let all = InheritedVariables(isAll: true)
    /// None. Not called `none`, which would be no value where one may be left out.
    public static let nothing = InheritedVariables()
    /// Those that say where things are on the machine, and none that may be secrets: ``baseNames``.
    public static let base = InheritedVariables(hasBase: true)
    /// The base, and others.
    ///
    /// - Parameter names: names of variables; `LC_*` means all that begin with `LC_`.
    public static func base(and names: [String]) -> InheritedVariables {
        InheritedVariables(hasBase: true, names: names)
    }
    /// Certain ones, and nothing else.
    ///
    /// - Parameter names: names of variables; `LC_*` means all that begin with `LC_`.
    public static func only(_ names: [String]) -> InheritedVariables { InheritedVariables(names: names) }

    /// What ``base`` consists of.
    public static let baseNames = [
        // The user and the machine.
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TZDIR", "TMPDIR", "HOSTNAME",
        "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
        // Where libraries and certificates are.
        "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "ONNXRUNTIME_LIB", "OPENVINO_LIB",
        // Where models are, without the key to them.
        "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
        // Which devices and cores the instance itself may use.
        "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
        "OMP_NUM_THREADS",
        // How a program that crashes reports it.
        "SWIFT_BACKTRACE",
    ]

    /// The most names that one may list.
    public static let maximumNames = 1000

    /// Whether a variable is one of them; `nil` for all, whatever the name.
    package var test: (@Sendable (String) -> Bool)? {
        if isAll { return nil }
        let wanted = (hasBase ? Self.baseNames : []) + names
        let whole = Set(wanted.filter { !$0.hasSuffix("*") })
        let beginnings = wanted.filter { $0.hasSuffix("*") }.map { $0.dropLast() }
        return { name in whole.contains(name) || beginnings.contains { name.hasPrefix($0) } }
    }

    /// What is wrong with the names; `nil` if nothing is.
    package func problem() -> String? {
        if names.count > Self.maximumNames {
            return "\(names.count) variables to inherit are named; at most \(Self.maximumNames) are possible"
        }
        for name in names {
            let stem = name.hasSuffix("*") ? String(name.dropLast()) : name
            if stem.isEmpty || stem.contains("*") {
                return "'\(name)' names no variables to inherit; a '*' stands behind the beginning of their names"
            }
            if let problem = RuntimeEnvironment.problem(withName: stem) { return problem }
        }
        return nil
    }

    public var description: String {
        if isAll { return "all" }
        let parts = (hasBase ? ["base"] : []) + names
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    /// The names beside the base; `nil` without the base, or for all.
    package var namesBesideBase: [String]? { hasBase ? names : nil }
    /// The names, where there is no base; `nil` otherwise.
    package var onlyNames: [String]? { isAll || hasBase ? nil : names }
}
