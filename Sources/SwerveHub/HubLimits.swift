/// How much and how long a load may take. Each limit names the error that comes at it.
public struct HubLimits: Hashable, Sendable {
    /// Time to open a connection; ``HubError/Code/unreachable``.
    public var connectTimeout: Duration = .seconds(10)
    /// Time until an answer begins; ``HubError/Code/timeout``. `HF_HUB_ETAG_TIMEOUT` sets it, in seconds.
    public var answerTimeout: Duration = .seconds(10)
    /// Time without a byte within an answer; ``HubError/Code/timeout``. `HF_HUB_DOWNLOAD_TIMEOUT` sets it, in seconds.
    public var idleTimeout: Duration = .seconds(10)
    /// How often a request is tried; the last failure is thrown. A download begins to count anew when it got
    /// ``progressBytes`` further.
    public var attempts = 5
    /// What a try of a download must bring to count as progress, so that a server which drips cannot hold it for ever.
    public var progressBytes = 1 << 20
    /// The pause after the first failure; it doubles up to ``maximumPause``, a part of it at random.
    public var pause: Duration = .milliseconds(500)
    /// The longest pause, also of those that a server asks for (`Retry-After`).
    public var maximumPause: Duration = .seconds(30)
    /// How many redirects a request follows; ``HubError/Code/server``.
    public var maximumRedirects = 10
    /// The size of a file; ``HubError/Code/tooLarge``.
    public var maximumFileBytes = 256 << 30
    /// The size of the list of a repository's files; ``HubError/Code/tooLarge``.
    public var maximumListingBytes = 64 << 20
    /// How many files a load may choose; ``HubError/Code/tooLarge``.
    public var maximumFiles = 100_000
    /// How many files are downloaded side by side.
    public var parallelFiles = 8
    /// How long to wait for another process or task that downloads the same file; ``HubError/Code/timeout``. Its own
    /// limits end it when its download stands still, and the system when it dies.
    public var lockTimeout: Duration = .seconds(3600)
    /// The first pause between looks at a lock that another holds; it doubles up to sixteen times this.
    public var lockPause: Duration = .milliseconds(50)

    public init() {}
}
