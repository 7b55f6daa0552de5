import SwerveControl
import SwerveCore

/// What is free of a node, counted apart from the controller's ledger.
struct FreeResources {
    private var cpus: Int64
    private var memory: Int
    private var custom: [String: Int64]
    /// Of each device, by its id.
    private var gpus: [String: Int64]

    init(_ node: NodeResources) {
        cpus = node.cpus.tenThousandths
        memory = node.memory
        custom = node.custom.mapValues(\.tenThousandths)
        gpus = Dictionary(uniqueKeysWithValues: node.gpus.map { ($0.id, 10_000) })
    }

    var isOverCommitted: Bool {
        cpus < 0 || memory < 0 || custom.values.contains { $0 < 0 } || gpus.values.contains { $0 < 0 }
    }

    mutating func take(_ reservation: Reservation) {
        let need = reservation.resources
        cpus -= need.cpus.tenThousandths
        memory -= need.memory
        for (name, amount) in need.custom { custom[name, default: 0] -= amount.tenThousandths }
        for id in reservation.gpus { gpus[id, default: 0] -= min(need.gpus.tenThousandths, 10_000) }
    }

    /// How many replicas fit that need so much.
    func room(for need: Resources) -> Int {
        var room = Int.max
        if need.cpus > .zero { room = min(room, Int(cpus / need.cpus.tenThousandths)) }
        if need.memory > 0 { room = min(room, memory / need.memory) }
        for (name, amount) in need.custom where amount > .zero {
            room = min(room, Int(custom[name, default: 0] / amount.tenThousandths))
        }
        let share = need.gpus.tenThousandths
        if share >= 10_000 { room = min(room, gpus.values.count { $0 == 10_000 } / Int(share / 10_000)) }
        if (1..<10_000).contains(share) { room = min(room, gpus.values.reduce(0) { $0 + Int($1 / share) }) }
        return room
    }
}

extension Audit {
    /// What the replicas that exist leave of each node.
    var free: [String: FreeResources] {
        var free = nodes.mapValues { FreeResources($0) }
        for replica in replicas.values where replica.exists {
            free[replica.reservation.node]?.take(replica.reservation)
        }
        return free
    }

    /// How many replicas fit that need so much, beside those that exist or on empty nodes.
    func room(for need: Resources, onEmptyNodes isEmpty: Bool = false) -> Int {
        let nodes = isEmpty ? nodes.mapValues { FreeResources($0) } : free
        return nodes.values.reduce(0) { sum, node in
            let (all, isMore) = sum.addingReportingOverflow(max(0, node.room(for: need)))
            return isMore ? .max : all
        }
    }
}
