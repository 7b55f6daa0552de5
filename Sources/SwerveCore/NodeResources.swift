/// What a node has for replicas to reserve.
public struct NodeResources: Hashable, Sendable, Codable {
    /// A graphics processor, or an instance of one that is partitioned (MIG).
    public struct GPU: Hashable, Sendable, Codable {
        /// As `CUDA_VISIBLE_DEVICES` takes it: a number such as `0`, or an identifier such as `GPU-…` or `MIG-…`.
        public var id: String
        /// The product's name; empty if unknown.
        public var name: String
        /// Its memory in bytes; 0 if unknown.
        public var memory: Int

        public init(id: String, name: String = "", memory: Int = 0) {
            self.id = id
            self.name = name
            self.memory = memory
        }
    }

    public var cpus: Resources.Amount
    public var gpus: [GPU]
    /// In bytes.
    public var memory: Int
    /// Amounts of resources that replicas reserve by name.
    public var custom: [String: Resources.Amount]

    public init(cpus: Double, gpus: [GPU] = [], memory: Int, custom: [String: Double] = [:]) {
        self.cpus = Resources.Amount(cpus)
        self.gpus = gpus
        self.memory = memory
        self.custom = custom.mapValues(Resources.Amount.init)
    }

    package func problem() -> String? {
        let amounts = [("cpus", cpus)] + custom.sorted { $0.key < $1.key }
        for (name, amount) in amounts
        where !(0...Resources.mostUnits * 10_000).contains(amount.tenThousandths) {
            return "node: '\(name)' must be a number from 0 to \(Resources.mostUnits)"
        }
        if memory < 0 { return "node: 'memory' is \(memory) bytes; it must be at least 0" }
        if Set(gpus.map(\.id)).count < gpus.count { return "node: two gpus have the same id" }
        for gpu in gpus where gpu.id.isEmpty || gpu.id.contains(where: { $0 == "," || $0.isWhitespace }) {
            return "node: '\(gpu.id)' is not the id of a gpu"
        }
        return nil
    }
}

/// What a replica holds of its node.
public struct Reservation: Hashable, Sendable, Codable {
    public var node: String
    /// The devices that it may use, as `CUDA_VISIBLE_DEVICES` takes them. One, if its share is a fraction.
    public var gpus: [String]
    public var resources: Resources

    public init(node: String, gpus: [String] = [], resources: Resources = Resources()) {
        self.node = node
        self.gpus = gpus
        self.resources = resources
    }
}
