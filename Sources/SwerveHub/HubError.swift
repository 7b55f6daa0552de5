/// Why the files of a model cannot be loaded.
///
/// A cancelled load throws `CancellationError` instead.
public struct HubError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add codes, so handle unknown ones.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// There is no such repository, revision or file; the message says which. A private repository looks the same.
        public static let notFound = Code("not_found")
        /// The repository's conditions must first be accepted on the hub's web page.
        public static let gated = Code("gated")
        /// The hub requires a token, or a token with more rights.
        public static let unauthorized = Code("unauthorized")
        /// `HF_HUB_OFFLINE` is set and the cache lacks files; the message lists them.
        public static let offline = Code("offline")
        /// The hub cannot be reached and the cache lacks files.
        public static let unreachable = Code("unreachable")
        /// The hub, or another process downloading the same file, took too long; the message names the limit.
        public static let timeout = Code("timeout")
        /// The hub answered with an error, or did not answer like a hub.
        public static let server = Code("server")
        /// The disk is too full for a file, or a quota is used up.
        public static let diskFull = Code("disk_full")
        /// The received file is not the one that the hub announced: its size or hash differs.
        public static let checksumMismatch = Code("checksum_mismatch")
        /// The name of a repository, revision or file is not valid.
        public static let invalidName = Code("invalid_name")
        /// An option, such as the endpoint or the token, is not valid.
        public static let invalidOption = Code("invalid_option")
        /// A file or a listing is larger than ``HubLimits`` allows.
        public static let tooLarge = Code("too_large")
        /// The cache cannot be read or written: no permission, or a file system without links or locks.
        public static let cacheUnusable = Code("cache_unusable")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, for human readers.
    public let message: String

    /// Whether something may be there although the answer denies it: the hub denies a private repository when a token
    /// has expired, and a mirror or proxy denies what it does not know.
    let isDoubtful: Bool

    public init(_ code: Code, _ message: String) {
        self.init(code, message, isDoubtful: false)
    }

    init(_ code: Code, _ message: String, isDoubtful: Bool) {
        self.code = code
        self.message = message
        self.isDoubtful = isDoubtful
    }

    public var description: String { "\(code): \(message)" }

    /// Whether the cache may be used after this failure of the hub, as in `huggingface_hub`: a service that restarts
    /// must not depend on the hub or on a token that may have expired. A revision that the hub itself says it no longer
    /// has is an error.
    var leavesTheCache: Bool {
        [.unreachable, .timeout, .server, .unauthorized, .gated].contains(code) || isDoubtful
    }
}

/// A temporary failure, after which another try makes sense.
struct TransientFailure: Error {
    let error: HubError
    /// How long the server asked to wait.
    var retryAfter: Duration?
}
