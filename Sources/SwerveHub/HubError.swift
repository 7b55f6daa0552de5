/// Why files of a model cannot be had.
///
/// A load that is cancelled throws `CancellationError` instead.
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
        /// The repository's conditions have to be accepted on the hub's web page first.
        public static let gated = Code("gated")
        /// The hub wants a token, or one with more rights.
        public static let unauthorized = Code("unauthorized")
        /// `HF_HUB_OFFLINE` is set and the cache lacks something; the message lists what.
        public static let offline = Code("offline")
        /// The hub cannot be reached and the cache lacks something.
        public static let unreachable = Code("unreachable")
        /// The hub, or another process that downloads the same file, took too long; the message names the limit.
        public static let timeout = Code("timeout")
        /// The hub answered with an error, or not as a hub does.
        public static let server = Code("server")
        /// The disk has no room for a file, or a quota is used up.
        public static let diskFull = Code("disk_full")
        /// What arrived is not the file that the hub announced: its size or its hash differs.
        public static let checksumMismatch = Code("checksum_mismatch")
        /// A repository's, revision's or file's name that cannot be one.
        public static let invalidName = Code("invalid_name")
        /// An option, such as the endpoint or the token, that makes no sense.
        public static let invalidOption = Code("invalid_option")
        /// A file or a listing is larger than ``HubLimits`` allows.
        public static let tooLarge = Code("too_large")
        /// The cache cannot be read or written: no permission, or a file system without links or locks.
        public static let cacheUnusable = Code("cache_unusable")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, for people.
    public let message: String

    /// Whether the hub says that it has no such repository, which it also says when a token ran out.
    let isRepositoryHidden: Bool

    public init(_ code: Code, _ message: String) {
        self.init(code, message, isRepositoryHidden: false)
    }

    init(_ code: Code, _ message: String, isRepositoryHidden: Bool) {
        self.code = code
        self.message = message
        self.isRepositoryHidden = isRepositoryHidden
    }

    public var description: String { "\(code): \(message)" }

    /// Whether the cache is good enough after this failure of the hub, as for `huggingface_hub`: a service that starts
    /// again must not depend on the hub, nor on a token that ran out. A revision that is gone is gone.
    var leavesTheCache: Bool {
        [.unreachable, .timeout, .server, .unauthorized, .gated].contains(code) || isRepositoryHidden
    }
}

/// A failure that may pass: trying again makes sense.
struct TransientFailure: Error {
    let error: HubError
    /// How long the server asked to be left alone.
    var retryAfter: Duration?
}
