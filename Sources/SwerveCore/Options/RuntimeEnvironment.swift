/// What a process of a replica runs in: its variables, its working directory, and how much it may use.
///
/// An application and each of its deployments may have one; the deployment's comes on top of the application's.
/// ```swift
/// @Deployment(runtimeEnvironment: RuntimeEnvironment(variables: ["MODE": "fast"], workingDirectory: "assets"))
/// distributed actor Model { … }
/// ```
/// See `docs/ENVIRONMENTS.md`.
public struct RuntimeEnvironment: Hashable, Sendable, Codable {
    /// Variables for the process, besides those that it inherits. Names that begin with `SWERVE_` are refused.
    public var variables: [String: String]
    /// The folder that the process starts in, or a ZIP file of it: a path, relative to the current folder of the process
    /// that deploys, or a `file:` URI. It is copied when the application is deployed, and the process gets a copy that it
    /// must not change. `nil` for the instance's own current folder.
    public var workingDirectory: String?
    /// What is left out of ``workingDirectory``, as patterns of `.gitignore`: `*.ckpt`, `/data/`, `!keep.txt`. `nil` and an
    /// empty list for nothing. It is of the working directory of the same environment: one on top with a directory of its
    /// own leaves out only what it says itself.
    public var excludes: [String]?
    /// What the process inherits of the instance's own variables; `nil` for everything where the instance's program runs
    /// its own applications, and ``InheritedVariables/base`` for applications of other programs.
    public var inherits: InheritedVariables?
    /// What the system limits the process to.
    public var limits: ProcessLimits
    /// How the process writes logs; only configuration files say that.
    package var logs: ProcessLogs?

    public init(
        variables: [String: String] = [:],
        workingDirectory: String? = nil,
        excludes: [String]? = nil,
        inherits: InheritedVariables? = nil,
        limits: ProcessLimits = ProcessLimits()
    ) {
        self.variables = variables
        self.workingDirectory = workingDirectory
        self.excludes = excludes
        self.inherits = inherits
        self.limits = limits
    }

    /// At most this many variables.
    public static let maximumVariables = 1000
    /// The longest variable, its name and the `=` included: 128 KiB less one byte, which is all that Linux passes on.
    public static let maximumVariableBytes = (128 << 10) - 1
    /// The most bytes that all variables together may have: 1 MiB.
    public static let maximumTotalBytes = 1 << 20
    /// The longest path of a working directory.
    public static let maximumPathBytes = 4096
    /// At most this many patterns of what is left out of the working directory.
    public static let maximumExcludes = ExcludePatterns.maximumCount
    /// The longest pattern of what is left out.
    public static let maximumExcludeBytes = ExcludePatterns.maximumBytes
    /// How the names of variables begin by which processes of an instance tell each other something.
    package static let reservedPrefix = "SWERVE_"

    package var isEmpty: Bool { self == RuntimeEnvironment() }

    /// This environment with another one on top: variables are merged, everything else is replaced where the other one
    /// says something.
    package func with(_ other: RuntimeEnvironment?) -> RuntimeEnvironment {
        guard let other else { return self }
        var both = RuntimeEnvironment(
            variables: variables.merging(other.variables) { $1 },
            workingDirectory: other.workingDirectory ?? workingDirectory,
            // Of another folder, they would mean something else.
            excludes: other.workingDirectory == nil ? other.excludes ?? excludes : other.excludes,
            inherits: other.inherits ?? inherits,
            limits: limits.with(other.limits)
        )
        both.logs = logs.map { $0.with(other.logs) } ?? other.logs
        return both
    }

    /// What is wrong with it; `nil` if nothing is.
    package func problem() -> String? {
        if variables.count > Self.maximumVariables {
            return "there are \(variables.count) variables; at most \(Self.maximumVariables) are possible"
        }
        var total = 0
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            if let problem = Self.problem(withName: name) { return problem }
            if value.utf8.contains(0) { return "the value of the variable '\(name)' contains a NUL byte" }
            let bytes = name.utf8.count + 1 + value.utf8.count
            if bytes > Self.maximumVariableBytes {
                return "the variable '\(name)' has \(bytes) bytes; at most \(Self.maximumVariableBytes) are possible"
            }
            total += bytes + 1
        }
        if total > Self.maximumTotalBytes {
            return "the variables have \(total) bytes together; at most \(Self.maximumTotalBytes) are possible"
        }
        if let workingDirectory {
            do throws(ServeError) { _ = try Self.path(of: workingDirectory) } catch { return error.message }
        }
        if let problem = problemWithExcludes() { return problem }
        return inherits?.problem() ?? limits.problem()
    }

    private func problemWithExcludes() -> String? {
        guard let excludes else { return nil }
        do throws(ServeError) {
            _ = try ExcludePatterns(excludes)
            guard let workingDirectory else { return nil }
            var folder = try Self.path(of: workingDirectory)[...]
            while folder.last == "/" { folder.removeLast() }
            guard folder.first == "/", let absolute = excludes.first(where: { $0.hasPrefix("\(folder)/") }) else {
                return nil
            }
            return
                "the pattern '\(absolute)' of what is left out is a path of the machine; patterns begin at the working "
                + "directory: write '\(absolute.dropFirst(folder.count))'"
        } catch {
            return error.message
        }
    }

    /// What is wrong with it when nothing comes on top of it any more; `nil` if nothing is.
    package func problemOnItsOwn() -> String? {
        if let problem = problem() { return problem }
        guard let excludes, !excludes.isEmpty, workingDirectory == nil else { return nil }
        return
            "there are patterns of what is left out of the working directory, and there is no working directory; give "
            + "one, or leave them out"
    }

    /// What is wrong with the name of a variable; `nil` if nothing is.
    package static func problem(withName name: String) -> String? {
        if name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) || name.utf8.contains(0) {
            return "'\(name.replacing("\0", with: "\\0"))' cannot be the name of an environment variable"
        }
        if name.hasPrefix(reservedPrefix) {
            return "the variable '\(name)' is reserved: names that begin with \(reservedPrefix) are the instance's"
        }
        return nil
    }

    /// The path that a working directory names.
    ///
    /// - Parameter text: a path, or a `file:` URI with an absolute path.
    /// - Throws: ``ServeError`` with code `invalidOptions` for anything else.
    package static func path(of text: String) throws(ServeError) -> String {
        func refuse(_ what: String) -> ServeError {
            ServeError(.invalidOptions, "working directory '\(text)': \(what)")
        }
        if text.isEmpty {
            throw ServeError(.invalidOptions, "the working directory has no name; leave it out for none")
        }
        if text.utf8.count > maximumPathBytes {
            throw ServeError(
                .invalidOptions,
                "the path of the working directory has more than \(maximumPathBytes) bytes"
            )
        }
        if text.utf8.contains(0) {
            throw ServeError(.invalidOptions, "the path of the working directory contains a NUL byte")
        }
        guard let end = text.firstRange(of: "://") else { return text }
        guard text[..<end.lowerBound].lowercased() == "file" else {
            throw refuse("nothing is fetched; give the path of a folder or of a ZIP file, or a file: URI of one")
        }
        let rest = text[end.upperBound...]
        guard let slash = rest.firstIndex(of: "/"), ["", "localhost"].contains(rest[..<slash].lowercased()) else {
            throw refuse("a file: URI has an absolute path, as in file:///srv/assets")
        }
        guard let path = decoded(rest[slash...]) else { throw refuse("its path has a '%' that begins no escape") }
        return path
    }

    /// The path of a URI without its escapes; `nil` if one is no escape, or means a NUL byte.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(HexDigit.value), let low = rest.popFirst().flatMap(HexDigit.value),
                high << 4 | low != 0
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
