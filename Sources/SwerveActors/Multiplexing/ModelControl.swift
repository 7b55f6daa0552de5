public import SwerveCore

/// The models of a `@Multiplexed` loader in this replica: to look at, and to change how many there may be.
///
/// `@Multiplexed` gives the actor a property of this type, named after the loader:
///
/// ```swift
/// func reconfigure(_ config: UserConfig) async throws {
///     try modelCache.change { $0.maxModelsPerReplica = config.models }
/// }
/// ```
public struct ModelControl: Sendable {
    private let table: ModelTable?
    private let written: MultiplexOptions

    /// For code that `@Multiplexed` generates.
    public init(_ actor: ServeID, _ options: MultiplexOptions) {
        self.table = if case .local(let identity) = actor.target { identity.models } else { nil }
        self.written = options
    }

    /// The options that hold now: those in `@Multiplexed`, or those of the last change.
    public var options: MultiplexOptions { table?.options ?? written }

    /// What became of calls and models so far.
    public var counters: ModelCounters { table?.counters ?? ModelCounters() }

    /// The models that the replica has or is loading, sorted by ID.
    public var models: [ModelStatus] { table?.report.models ?? [] }

    /// Changes the options for this replica. When fewer models are allowed than there are, those that are worth least
    /// go as soon as no request uses them.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` if a value is out of range. Then the options stay as they
    ///   were.
    public func change(_ change: (inout MultiplexOptions) -> Void) throws {
        var options = options
        change(&options)
        try table?.change(options)
    }
}
