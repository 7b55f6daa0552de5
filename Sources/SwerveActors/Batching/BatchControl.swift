public import SwerveCore

/// How the calls of one `@Batched` method are collected in this replica: to look at, and to change while it runs.
///
/// `@Batched` gives the actor a property of this type, named after the method:
///
/// ```swift
/// func reconfigure(_ config: UserConfig) async throws {
///     try segmentBatching.change { $0.waitTimeout = .milliseconds(config.wait) }
/// }
/// ```
public struct BatchControl: Sendable {
    private let name: String
    private let table: BatchTable?
    private let written: BatchOptions

    /// For code that `@Batched` generates.
    public init(_ name: String, of actor: ServeID, _ options: BatchOptions) {
        self.name = name
        self.table = if case .local(let identity) = actor.target { identity.batches } else { nil }
        self.written = options
    }

    /// The options that hold now: those in `@Batched`, or those of the last change.
    public var options: BatchOptions { table?.options(of: name) ?? written }

    /// What became of the calls so far.
    public var counters: BatchCounters { table?.counters(of: name) ?? BatchCounters() }

    /// How many calls wait for a batch.
    public var waiting: Int { table?.waiting(of: name) ?? 0 }

    /// Changes the options for this replica, from the next batch on.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` if a value is out of range, or the deployment's
    ///   `maxOngoingRequests` is too low for the batches to be full. Then the options stay as they were.
    public func change(_ change: (inout BatchOptions) -> Void) throws {
        var options = options
        change(&options)
        try table?.change(name, options)
    }
}
