/// Limits on the size and duration of a load. The documentation of each limit names its error.
public struct HubLimits: Hashable, Sendable {
    /// The time to open a connection; ``HubError/Code/unreachable``.
    public var connectTimeout: Duration = .seconds(10)
    /// The time until an answer begins; ``HubError/Code/timeout``. Set by `HF_HUB_ETAG_TIMEOUT`, in seconds.
    public var answerTimeout: Duration = .seconds(10)
    /// The time without a byte within an answer; ``HubError/Code/timeout``. Set by `HF_HUB_DOWNLOAD_TIMEOUT`, in
    /// seconds.
    public var idleTimeout: Duration = .seconds(10)
    /// The time for the hub to answer with a revision's commit and files when the cache can be used instead. The hub is
    /// asked once; after this time, or when it fails, the cache is used and a warning is logged.
    public var fallbackDeadline: Duration = .seconds(3)
    /// How often to try a request; the last failure is thrown. A download starts counting again after ``progressBytes``
    /// of progress.
    public var attempts = 5
    /// The bytes that one try of a download must receive to count as progress, so that a server that sends only a
    /// trickle cannot hold it up forever.
    public var progressBytes = 1 << 20
    /// The pause after the first failure; it doubles up to ``maximumPause``. Half of each pause is random.
    public var pause: Duration = .milliseconds(500)
    /// The longest pause, also for pauses that a server asks for (`Retry-After`).
    public var maximumPause: Duration = .seconds(30)
    /// The most redirects that a request follows; ``HubError/Code/server``.
    public var maximumRedirects = 10
    /// The largest file, in bytes; ``HubError/Code/tooLarge``.
    public var maximumFileBytes = 256 << 30
    /// The largest list of a repository's files, in bytes; ``HubError/Code/tooLarge``.
    public var maximumListingBytes = 64 << 20
    /// The most files that a load may choose; ``HubError/Code/tooLarge``.
    public var maximumFiles = 100_000
    /// How many files are downloaded in parallel.
    public var parallelFiles = 8
    /// How long to wait for another process or task that downloads the same file; ``HubError/Code/timeout``. If that
    /// download stalls, its own limits end it; if its process dies, the system releases the lock.
    public var lockTimeout: Duration = .seconds(3600)
    /// The first pause between tries for a lock that someone else holds; it doubles up to sixteen times this value.
    public var lockPause: Duration = .milliseconds(50)

    public init() {}
}
