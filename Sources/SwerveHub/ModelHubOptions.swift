public import Logging

/// Where models come from and are kept, and how much a load may take.
///
/// A value, so that nothing but ``init(environment:)`` reads the surroundings of the process.
public struct ModelHubOptions: Sendable {
    /// How a download shows its progress.
    public struct Progress: Hashable, Sendable {
        private enum Kind: Hashable, Sendable { case automatic, bar, log, none }
        private let kind: Kind

        /// A bar when the standard error is a terminal, else log lines.
        public static let automatic = Progress(kind: .automatic)
        /// A bar on the standard error.
        public static let bar = Progress(kind: .bar)
        /// Log lines.
        public static let log = Progress(kind: .log)
        /// Nothing.
        public static let none = Progress(kind: .none)
    }

    /// The hub's address.
    public var endpoint: String
    /// The token sent to the hub, and to nobody else.
    public var token: String?
    /// The folder of the cache, with a folder `models--owner--name` for each repository.
    public var cacheFolder: String
    /// Whether only the cache is used.
    public var isOffline: Bool
    /// How much and how long a load may take.
    public var limits: HubLimits
    /// How a download shows its progress.
    public var progress: Progress
    /// Where events are logged.
    public var logger: Logger

    /// Reads the variables that `huggingface_hub` reads; empty ones count as unset.
    ///
    /// * `HF_ENDPOINT`: the address of the hub, `https://huggingface.co` unless said otherwise.
    /// * `HF_HUB_CACHE`: the folder of the cache; else `hub` in `HF_HOME`, which is `huggingface` in `XDG_CACHE_HOME`,
    ///   which is `~/.cache`.
    /// * `HF_TOKEN`: the token; else the contents of the file at `HF_TOKEN_PATH`, which is `token` in `HF_HOME`. None with
    ///   `HF_HUB_DISABLE_IMPLICIT_TOKEN`.
    /// * `HF_HUB_OFFLINE`: `1`, `on`, `yes` or `true` keeps all loads to the cache.
    /// * `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`: seconds, for ``HubLimits``.
    /// * `HF_HUB_DISABLE_PROGRESS_BARS`: log lines also on a terminal.
    ///
    /// - Parameter environment: looks up a variable; that of the process unless said otherwise.
    public init(environment: ((String) -> String?)? = nil) {
        let source = environment ?? Files.environmentVariable
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

/// The variables of the environment, and what follows from several of them.
private struct HubVariables {
    let lookUp: (String) -> String?

    subscript(name: String) -> String? { lookUp(name) }

    func isTrue(_ name: String) -> Bool {
        ["1", "ON", "YES", "TRUE"].contains(lookUp(name)?.uppercased())
    }

    func seconds(_ name: String) -> Duration? {
        lookUp(name).flatMap(Int.init).flatMap { $0 > 0 && $0 < 1_000_000 ? .seconds($0) : nil }
    }

    /// A variable that is a path, with `~` and `$NAME` replaced.
    func path(_ name: String) -> String? { lookUp(name).map(expanded) }

    private var home: String {
        lookUp("HOME") ?? Files.homeFolder() ?? "/"
    }

    private var hubHome: String {
        path("HF_HOME") ?? (path("XDG_CACHE_HOME") ?? "\(home)/.cache") + "/huggingface"
    }

    var cacheFolder: String {
        let folder = path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? "\(hubHome)/hub"
        return folder.hasPrefix("/") ? folder : "\(Files.currentFolder())/\(folder)"
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
                // As Python does: what is not set stays as it stands.
                result += "$"
                rest = after
            }
        }
        return result + rest
    }
}

extension String {
    /// The text without white space at its ends.
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(
            start[..<(start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex)]
        )
    }
}
