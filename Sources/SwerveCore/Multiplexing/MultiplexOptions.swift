/// How a `@Multiplexed` loader keeps its models in a replica.
public struct MultiplexOptions: Hashable, Sendable, Codable {
    /// How many models one replica has at most, those that it loads or unloads included; 3 by default.
    public var maxModelsPerReplica: Int

    public init(maxModelsPerReplica: Int = 3) {
        self.maxModelsPerReplica = maxModelsPerReplica
    }

    /// The largest accepted ``maxModelsPerReplica``.
    public static let maximumModels = 1_000

    /// What is wrong with the values; `nil` if nothing is.
    package var problem: String? {
        (1...Self.maximumModels).contains(maxModelsPerReplica)
            ? nil : "maxModelsPerReplica is \(maxModelsPerReplica); it must be from 1 to \(Self.maximumModels)"
    }
}
