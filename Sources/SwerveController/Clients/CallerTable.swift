internal import SwerveCore
internal import SwerveTransport

/// The connections of a group of processes that call replicas: what they are told, and what they report. Its owner has
/// it behind a lock, so that every process gets the messages about a deployment, and the receiver the sums of loads, in
/// the same order.
struct CallerTable {
    typealias Done = @Sendable () -> Void

    /// What fences call the processes. No application's name is empty.
    let kind: String
    private(set) var connections: [UInt64: PeerConnection] = [:]
    /// The latest message about each deployment.
    private var published: [DeploymentID: ControlMessage] = [:]
    private var fences = Fences()
    /// `nil` stands for the rest of the instance.
    private var loads = CombinedLoads<UInt64?>()
    private var receiver: (@Sendable ([DeploymentID: Load]) -> Void)?

    init(of kind: String) {
        self.kind = kind
    }

    /// The name of one of the processes, by which launchers know it, too.
    static func process(_ number: UInt64, of kind: String) -> ReplicaID {
        ReplicaID(deployment: DeploymentID(application: "", deployment: kind), number: number)
    }

    func number(of connection: PeerConnection) -> UInt64? { connections.first { $0.value === connection }?.key }

    /// Adds a process, and tells it all that was published before.
    mutating func add(_ number: UInt64, _ connection: PeerConnection) {
        connections[number] = connection
        for message in published.values { connection.send(message) }
    }

    /// A process is gone.
    ///
    /// - Returns: what to do now that fences are passed, in order.
    mutating func remove(_ number: UInt64) -> [Done] {
        connections[number] = nil
        let sums = loads.forget(number)
        if !sums.isEmpty { receiver?(sums) }
        return fences.remove(Self.process(number, of: kind))
    }

    func send(_ message: ControlMessage) {
        for connection in connections.values { connection.send(message) }
    }

    mutating func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        published[deployment] = message
        send(message)
    }

    // MARK: Fences

    /// Sends a fence to every process.
    ///
    /// - Returns: its number; `nil` if nobody has to confirm it.
    mutating func fence(_ done: @escaping Done) -> UInt64? {
        let processes = Set(connections.keys.map { Self.process($0, of: kind) })
        guard let number = fences.add(processes, done) else { return nil }
        send(.fence(number))
        return number
    }

    /// A process confirms a fence.
    ///
    /// - Returns: what to do now that fences are passed, in order.
    mutating func passed(_ fence: UInt64, by number: UInt64) -> [Done] {
        fences.passed(fence, by: Self.process(number, of: kind))
    }

    /// The processes that have not confirmed a fence.
    func silent(at fence: UInt64) -> [(number: UInt64, connection: PeerConnection)] {
        fences.missing(fence).compactMap { process in connections[process.number].map { (process.number, $0) } }
    }

    // MARK: Loads

    /// Reports the load of the processes and of the rest of the instance together from now on.
    mutating func reportLoads(to receiver: @escaping @Sendable ([DeploymentID: Load]) -> Void) {
        self.receiver = receiver
    }

    /// A process reports its load, or the rest of the instance does (`nil`).
    mutating func report(_ loads: [DeploymentID: Load], from process: UInt64?) {
        let sums = self.loads.report(loads, from: process)
        receiver?(sums)
    }
}
