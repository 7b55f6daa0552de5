internal import SwerveCore

/// One node of a ``NodeLedger``: what it has, and which replicas hold how much of it.
struct LedgerNode: Hashable, Sendable {
    private struct Held: Hashable, Sendable {
        var resources: Resources
        /// The indices of its devices.
        var devices: [Int]
    }

    let name: String
    let total: NodeResources
    private var free: Resources
    /// What is free of each device.
    private var devices: [Resources.Amount]
    private var held: [ReplicaID: Held] = [:]
    /// The share of the node that is held: the largest of its resources' shares.
    private(set) var load = 0.0

    init(_ name: String, _ total: NodeResources) {
        self.name = name
        self.total = total
        free = Resources()
        free.cpus = total.cpus
        free.memory = total.memory
        free.custom = total.custom
        devices = total.gpus.map { _ in .one }
    }

    private mutating func noteLoad() {
        load = share(free.cpus, total.cpus)
        if total.memory > 0 { load = max(load, 1 - Double(free.memory) / Double(total.memory)) }
        if !devices.isEmpty {
            let idle = devices.reduce(0) { $0 + $1.tenThousandths }
            load = max(load, 1 - Double(idle) / Double(devices.count * 10_000))
        }
        for (name, amount) in total.custom { load = max(load, share(free.custom[name] ?? .zero, amount)) }
    }

    private func share(_ free: Resources.Amount, _ total: Resources.Amount) -> Double {
        total == .zero ? 0 : 1 - free.value / total.value
    }

    func reservation(of replica: ReplicaID) -> Reservation? {
        held[replica].map { held in
            Reservation(node: name, gpus: held.devices.map { total.gpus[$0].id }, resources: held.resources)
        }
    }

    // MARK: Taking and giving back

    mutating func take(_ need: Resources, for replica: ReplicaID) -> Reservation {
        guard let chosen = devices(for: need.gpus) else { preconditionFailure("taken without looking") }
        free.cpus = free.cpus - need.cpus
        free.memory -= need.memory
        for (name, amount) in need.custom { free.custom[name] = (free.custom[name] ?? .zero) - amount }
        for index in chosen { devices[index] = devices[index] - min(need.gpus, .one) }
        held[replica] = Held(resources: need, devices: chosen)
        noteLoad()
        return Reservation(node: name, gpus: chosen.map { total.gpus[$0].id }, resources: need)
    }

    /// Enters what a replica already holds, even if that is more than there is.
    mutating func enter(_ reservation: Reservation, of replica: ReplicaID) {
        let need = reservation.resources
        free.cpus = free.cpus - need.cpus
        free.memory -= need.memory
        for (name, amount) in need.custom { free.custom[name] = (free.custom[name] ?? .zero) - amount }
        let own = total.gpus.indices.filter { reservation.gpus.contains(total.gpus[$0].id) }
        for index in own { devices[index] = devices[index] - min(need.gpus, .one) }
        held[replica] = Held(resources: need, devices: own)
        noteLoad()
    }

    /// - Returns: whether the replica held anything.
    mutating func giveBack(_ replica: ReplicaID) -> Bool {
        guard let held = held.removeValue(forKey: replica) else { return false }
        let resources = held.resources
        free.cpus = free.cpus + resources.cpus
        free.memory += resources.memory
        for (name, amount) in resources.custom { free.custom[name] = (free.custom[name] ?? .zero) + amount }
        for index in held.devices { devices[index] = devices[index] + min(resources.gpus, .one) }
        noteLoad()
        return true
    }

    /// The devices for a share: the fullest one with room for a fraction, so that others stay whole; whole ones for
    /// more. `nil` if there are not enough.
    private func devices(for share: Resources.Amount) -> [Int]? {
        if share == .zero { return [] }
        if share < .one {
            return devices.indices.filter { devices[$0] >= share }.min { devices[$0] < devices[$1] }.map { [$0] }
        }
        let whole = devices.indices.filter { devices[$0] == .one }
        let count = Int(share.tenThousandths / Resources.Amount.one.tenThousandths)
        return whole.count >= count ? Array(whole.prefix(count)) : nil
    }

    // MARK: What is missing

    /// The first thing of which there is too little for a replica.
    private enum Lack {
        case places(Int)
        case cpus, memory, devices
        case custom(String)
    }

    /// What keeps a replica from being placed here, where its deployment has `count` already; `nil` if nothing does.
    private func lack(_ need: Resources, beside count: Int, _ rule: PlacementRule) -> Lack? {
        if let limit = rule.maxReplicasPerNode, count >= limit { return .places(limit) }
        if need.cpus > free.cpus { return .cpus }
        if need.memory > free.memory { return .memory }
        if !need.custom.isEmpty {
            let names = need.custom.keys.filter { name in need.custom[name]! > free.custom[name] ?? .zero }
            if let name = names.min() { return .custom(name) }
        }
        return hasDevices(for: need.gpus) ? nil : .devices
    }

    private func hasDevices(for share: Resources.Amount) -> Bool {
        if share == .zero { return true }
        if share < .one { return devices.contains { $0 >= share } }
        return devices.count { $0 == .one } >= Int(share.tenThousandths / Resources.Amount.one.tenThousandths)
    }

    func hasRoom(for need: Resources, beside count: Int, _ rule: PlacementRule) -> Bool {
        lack(need, beside: count, rule) == nil
    }

    /// How many replicas would fit if there were no others.
    func capacity(for need: Resources, _ rule: PlacementRule) -> Int {
        func times(_ need: Int64, _ total: Int64) -> Int { need > 0 ? Int(total / need) : .max }
        let share = need.gpus.tenThousandths
        var most = min(rule.maxReplicasPerNode ?? .max, times(need.cpus.tenThousandths, total.cpus.tenThousandths))
        most = min(most, times(Int64(need.memory), Int64(total.memory)))
        for (name, amount) in need.custom {
            most = min(most, times(amount.tenThousandths, total.custom[name]?.tenThousandths ?? 0))
        }
        if share >= 10_000 { return min(most, devices.count / Int(share / 10_000)) }
        return share > 0 ? min(most, devices.count * Int(10_000 / share)) : most
    }

    /// How much of the need is free of what is missing, for choosing the node to tell about; `nil` if nothing is missing.
    func closeness(_ need: Resources, beside count: Int, _ rule: PlacementRule) -> Double? {
        switch lack(need, beside: count, rule) {
        case nil: nil
        case .places: 0
        case .cpus: free.cpus.value / need.cpus.value
        case .memory: Double(free.memory) / Double(need.memory)
        case .devices: devices.reduce(.zero, +).value / need.gpus.value
        case .custom(let name): (free.custom[name] ?? .zero).value / (need.custom[name] ?? .one).value
        }
    }

    /// What keeps a replica from being placed here, and who holds it; `nil` if nothing does.
    func problem(_ need: Resources, beside count: Int, _ rule: PlacementRule) -> Shortage? {
        switch lack(need, beside: count, rule) {
        case nil: return nil
        case .places(let limit):
            let replicas = limit == 1 ? "1 replica" : "\(limit) replicas"
            return Shortage(summary: "may have \(replicas) on a node; node \(name) has that many", holders: "")
        case .cpus: return shortage("cpu", need.cpus, free.cpus, total.cpus) { $0.cpus }
        case .memory: return memoryShortage(need.memory)
        case .devices: return deviceShortage(need.gpus)
        case .custom(let name):
            let amounts = (need.custom[name] ?? .zero, free.custom[name] ?? .zero, total.custom[name] ?? .zero)
            return shortage(name, amounts.0, amounts.1, amounts.2) { $0.custom[name] ?? .zero }
        }
    }

    private func shortage(
        _ unit: String,
        _ need: Resources.Amount,
        _ free: Resources.Amount,
        _ total: Resources.Amount,
        _ amount: (Resources) -> Resources.Amount
    ) -> Shortage {
        Shortage(
            summary: "needs \(need) \(unit); node \(name) has \(free) of \(total) free",
            holders: holders(amount)
        )
    }

    private func memoryShortage(_ need: Int) -> Shortage {
        func text(_ bytes: Int) -> String { "\(bytes / (1 << 20)) MiB" }
        let left = "\(text(free.memory)) of \(text(total.memory))"
        return Shortage(
            summary: "needs \(text(need)) of memory; node \(name) has \(left) free",
            holders: holders { Resources.Amount(Double($0.memory / (1 << 20))) }
        )
    }

    private func deviceShortage(_ need: Resources.Amount) -> Shortage {
        let idle = devices.reduce(Resources.Amount.zero, +)
        var summary = "needs \(need) gpu; node \(name) has \(idle) of \(devices.count) free"
        if idle >= need {
            let most = devices.max() ?? .zero
            summary +=
                need < .one
                ? ", but no single one has more than \(most)" : ", but only \(devices.count { $0 == .one }) unused"
        }
        return Shortage(summary: summary, holders: holders { $0.gpus })
    }

    /// The replicas that hold most of something: at most three, and how many more there are.
    private func holders(_ amount: (Resources) -> Resources.Amount) -> String {
        var found: [(id: ReplicaID, amount: Resources.Amount)] = []
        for (replica, own) in held {
            let amount = amount(own.resources)
            if amount > .zero { found.append((replica, amount)) }
        }
        found.sort { one, two in one.amount == two.amount ? one.id < two.id : one.amount > two.amount }
        var parts = found.prefix(3).map { "\($0.id) \($0.amount)" }
        if found.count > 3 { parts.append(found.count == 4 ? "1 other" : "\(found.count - 3) others") }
        return parts.joined(separator: ", ")
    }
}
