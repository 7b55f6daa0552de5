public import Logging
internal import SwerveSystem

/// Where models come from, where they are cached, and the limits on a load.
///
/// A value, so that only ``init(environment:)`` reads the environment of the process.
public struct ModelHubOptions: Sendable {
    /// How a download shows its progress.
    public struct Progress: Hashable, Sendable {
        private enum Kind: Hashable, Sendable { case automatic, bar, log, none }
        private let kind: Kind

        /// A bar when standard error is a terminal, otherwise log lines.
        public static let automatic = Progress(kind: .automatic)
        /// A bar on standard error.
        public static let bar = Progress(kind: .bar)
        /// Log lines.
        public static let log = Progress(kind: .log)
        /// Nothing.
        public static let none = Progress(kind: .none)
    }

    /// The hub's address.
    public var endpoint: String
    /// The token, sent only to the hub.
    public var token: String?
    /// The folder of the cache, with a folder `models--owner--name` for each repository.
    public var cacheFolder: String
    /// Whether to use only the cache.
    public var isOffline: Bool
    /// Limits on the size and duration of a load.
    public var limits: HubLimits
    /// How a download shows its progress.
    public var progress: Progress
    /// The logger for events.
    public var logger: Logger

    /// Reads the same variables as `huggingface_hub`; empty ones count as unset.
    ///
    /// * `HF_ENDPOINT`: the address of the hub; `https://huggingface.co` by default.
    /// * `HF_HUB_CACHE`: the cache folder; by default `hub` in `HF_HOME`, whose default is `huggingface` in
    ///   `XDG_CACHE_HOME`, whose default is `~/.cache`.
    /// * `HF_TOKEN`: the token; by default the content of the file at `HF_TOKEN_PATH`, whose default is `token` in
    ///   `HF_HOME`. `HF_HUB_DISABLE_IMPLICIT_TOKEN` disables the token.
    /// * `HF_HUB_OFFLINE`: `1`, `on`, `yes` or `true` makes loads use only the cache; so does `TRANSFORMERS_OFFLINE`.
    /// * `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`: seconds, for ``HubLimits``.
    /// * `HF_HUB_DISABLE_PROGRESS_BARS`: use log lines even on a terminal.
    ///
    /// - Parameter environment: looks up a variable; the process's environment by default.
    public init(environment: ((String) -> String?)? = nil) {
        let source = environment ?? ThisProcess.environmentVariable
        let variables = HubVariables { name in source(name).flatMap { $0.isEmpty ? nil : $0 } }
        endpoint = variables["HF_ENDPOINT"] ?? "https://huggingface.co"
        cacheFolder = variables.cacheFolder
        token = variables.token
        isOffline = variables.isTrue("HF_HUB_OFFLINE") || variables.isTrue("TRANSFORMERS_OFFLINE")
        limits = HubLimits()
        if let seconds = variables.seconds("HF_HUB_ETAG_TIMEOUT") { limits.answerTimeout = seconds }
        if let seconds = variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT") { limits.idleTimeout = seconds }
        progress = variables.isTrue("HF_HUB_DISABLE_PROGRESS_BARS") ? .log : .automatic
        logger = Logger(label: "swerve.hub")
    }
}

/// The environment variables, and the options derived from them.
private struct HubVariables {
    let lookUp: (String) -> String?

    subscript(name: String) -> String? { lookUp(name) }

    func isTrue(_ name: String) -> Bool {
        ["1", "ON", "YES", "TRUE"].contains(lookUp(name)?.uppercased())
    }

    func seconds(_ name: String) -> Duration? {
        lookUp(name).flatMap(Int.init).flatMap { $0 > 0 && $0 < 1_000_000 ? .seconds($0) : nil }
    }

    /// A variable that holds a path, with `~` and `$NAME` replaced.
    func path(_ name: String) -> String? { lookUp(name).map(expanded) }

    private var home: String {
        lookUp("HOME") ?? FileSystem.homeFolder ?? "/"
    }

    private var hubHome: String {
        path("HF_HOME") ?? (path("XDG_CACHE_HOME") ?? "\(home)/.cache") + "/huggingface"
    }

    var cacheFolder: String {
        let folder = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? "\(hubHome)/hub"
        return folder.hasPrefix("/") ? folder : "\(FileSystem.currentFolder)/\(folder)"
    }

    var token: String? {
        if isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") { return nil }
        let text =
            lookUp("HF_TOKEN") ?? lookUp("HUGGING_FACE_HUB_TOKEN")
            ?? (try? Files.read(path("HF_TOKEN_PATH") ?? "\(hubHome)/token", limit: 16_384))
            .map { String(decoding: $0, as: UTF8.self) }
        guard let text else { return nil }
        let token = String(text.filter { !$0.isNewline }).trimmed
        return token.isEmpty ? nil : token
    }

    private func expanded(_ path: String) -> String {
        var rest = Substring(path)
        var result = ""
        if rest == "~" || rest.hasPrefix("~/") {
            result = home
            rest = rest.dropFirst()
        }
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            let isBraced = after.first == "{"
            let name = (isBraced ? after.dropFirst() : after).prefix {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
            }
            let isClosed = !isBraced || name.endIndex < after.endIndex && after[name.endIndex] == "}"
            if isClosed, let value = lookUp(String(name)) {
                result += value
                rest = after[name.endIndex...].dropFirst(isBraced ? 1 : 0)
            } else {
                // As in Python, an unset variable is left as it is.
                result += "$"
                rest = after
            }
        }
        return result + rest
    }
}

extension String {
    /// The text without whitespace at its ends.
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(
            start[..<(start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex)]
        )
    }
}
