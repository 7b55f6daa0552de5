import Logging
import NIOCore
import SwerveActors
import SwerveControl
import SwerveController
import SwerveCore
import SwerveHTTP
import SwerveLaunch
import SwerveProxy
import SwerveReplica
import SwerveRuntime
import SwerveSystem
import SwerveTransport
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A process of a world: an event loop, an executor and its ends of sockets.
final class SimProcess: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    unowned let world: World
    let name: String
    let replica: ReplicaID?
    let executor = SimExecutor()
    let loop: SimLoop
    var wires: [SimWire] = []
    var isDead = false
    /// The time until which the process is stopped, as by SIGSTOP.
    var stoppedUntil: NIODeadline? {
        didSet { if stoppedUntil != nil { wasStopped = true } }
    }
    private(set) var wasStopped = false
    /// That of a worker.
    var system: ServeSystem?
    var worker: AnyObject?

    init(_ world: World, _ name: String, _ replica: ReplicaID?) {
        self.world = world
        self.name = name
        self.replica = replica
        self.loop = SimLoop(world)
    }

    /// Whether it is a separate controller's.
    var isController: Bool { replica?.deployment.application == "" }
    var isRunning: Bool { !isDead && stoppedUntil.map { $0 <= world.now } ?? true }
}

/// The real proxy, pools, connections, hosted replicas, workers and controller of an instance, joined by simulated
/// sockets and a simulated clock. Everything runs on one thread, in an order that a seed decides.
final class World: @unchecked Sendable {
    // Unchecked: confined to one thread.
    let seed: UInt64
    let id: UInt64
    var random: SplitMix64
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var running: SimLoop?
    private(set) var failures: [String] = []
    private(set) var trace: [String] = []
    /// Whether replicas die, sockets break and processes stop.
    var hasFaults = true
    /// Whether some processes cannot be started, while there are faults.
    var hasFailedStarts = true
    /// Whether requests that hang go on doing so.
    var isHolding = false

    private(set) var main: SimProcess!
    /// The processes that the main one has started: workers and controllers.
    private(set) var children: [SimProcess] = []
    /// The processes that have not ended.
    private var alive: [SimProcess] = []
    private var byReplica: [ReplicaID: SimProcess] = [:]
    private var listeners: [String: (process: SimProcess, delegate: any PeerDelegate, hosted: HostedReplicas)] = [:]
    private var delayed: [(at: NIODeadline, loop: SimLoop, run: () -> Void)] = []
    var gates: [Gate] = []
    /// All wires, including the closed ones.
    private var allWires: [SimWire] = []
    private var weakConnections: [WeakConnection] = []
    private var boards: [String] = []

    let launcher = SimLauncher()
    private(set) var system: ServeSystem!
    private(set) var hosted: HostedReplicas!
    private(set) var peers: Peers!
    private(set) var proxy: ProxyService!
    private(set) var controller: (any ControllerAccess)!
    private(set) var httpLoop: HTTPLoop!
    private(set) var controllerTask: Task<Void, Never>?
    /// How often live replicas began each request, by its number.
    var begun: [Int: Int] = [:]
    /// Requests that may run twice, and those of them that are hedged.
    var idempotent: Set<Int> = []
    var hedged: Set<Int> = []
    /// Whether requests may find the queue full.
    var limitsQueues = false
    /// The number of faults so far.
    var faults = 0
    /// When the application was last deployed.
    var deployed = NIODeadline.uptimeNanoseconds(0)
    private static let drainTime = TimeAmount.nanoseconds(DeploymentOptions().gracefulShutdownTimeout.nanoseconds)

    /// The place of a separate controller and of what it must remember; `nil` in a history whose controller is in the
    /// main process.
    private(set) var disk: SimDisk?
    /// What is checked of the orders that replicas get.
    private(set) var audit: Audit!
    /// The process whose message is being read.
    var sender: SimProcess?

    /// Where a task waits until the world lets it continue.
    struct Gate {
        let process: SimProcess
        /// The gate stays closed until then.
        let until: NIODeadline
        let continuation: CheckedContinuation<Void, Never>
    }
    private struct WeakConnection {
        weak var connection: PeerConnection?
        let process: SimProcess
    }

    /// The deployment that others call.
    static let back = DeploymentID(application: "sim", deployment: "Back")
    private static let instance = InstanceID(rawValue: 1)
    private static let worlds = Mutex<[UInt64: World]>([:])
    private static let nextID = Atomic<UInt64>(1 << 40)
    static func find(_ id: UInt64) -> World? { worlds.withLock { $0[id] } }

    /// - Parameter nodes: what replicas can reserve, in a history with a separate controller.
    init(seed: UInt64, nodes: [String: NodeResources]? = nil) {
        self.seed = seed
        self.random = SplitMix64(seed: seed)
        self.id = Self.nextID.add(1, ordering: .relaxed).newValue
        Self.worlds.withLock { $0[id] = self }
        Self.count.add(1, ordering: .relaxed)
        launcher.world = self
        main = SimProcess(self, "main", nil)
        alive = [main]
        audit = Audit(self, nodes ?? [:])
        var logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        system = ServeSystem(Self.instance, clock: main.loop, seed: random.next())
        let hosted = HostedReplicas(system)
        self.hosted = hosted
        let factory = ReplicaFactory(system, isAlone: false, executor: main.executor)
        run(on: main.loop) {
            peers = Peers(
                loops: [main.loop],
                network: SimNetwork(process: main),
                pools: system.pools,
                hosted: hosted,
                hello: Hello(replica: nil, processID: 1),
                logger: logger
            )
            peers.takeOverPools()
            let proxy = ProxyService(pools: system.pools, loops: [main.loop])
            self.proxy = proxy
            let files = WorkerFiles(of: Self.instance, directory: "/sim")
            let workers = WorkerLauncher(
                processes: launcher,
                peers: peers,
                clock: main.loop,
                files: files,
                groups: ProcessGroups { nil },
                logger: logger,
                processorTime: { _ in nil }
            )
            let here = InProcessLauncher(
                factory: factory,
                hosted: hosted,
                address: files.controllerAddress,
                processID: 1
            )
            let replicas = SimOrders(self, PlacementLauncher(inProcess: here, processes: workers))
            if let nodes {
                beginSeparately(replicas, nodes, logger)
            } else {
                let controller = Controller(
                    clock: main.loop,
                    launcher: replicas,
                    callers: peers,
                    logger: logger,
                    exposeRoutes: { proxy.expose($0) }
                )
                self.controller = controller
                controllerTask = Task(executorPreference: main.executor) { _ = await controller.run() }
            }
            listeners[files.controllerAddress] = (main, workers, hosted)
            var options = HTTPServerOptions()
            options.writeTimeout = .seconds(3600)
            options.idleTimeout = .seconds(3600)
            httpLoop = HTTPLoop(
                eventLoop: main.loop,
                options: options,
                time: { [unowned self] in MonotonicTime(nanoseconds: Int64(now.uptimeNanoseconds)) },
                wallClock: { 0 },
                seed: seed,
                unsent: { channel, _ in (channel as? SimChannel)?.unsent ?? 0 }
            )
        }
    }

    /// Begins with a controller in a process of its own.
    private func beginSeparately(_ replicas: SimOrders, _ nodes: [String: NodeResources], _ logger: Logger) {
        let disk = SimDisk(self)
        self.disk = disk
        let (proxy, address) = (proxy!, "/sim/agent.sock")
        let agent = Agent(
            launcher: replicas,
            callers: peers,
            nodes: nodes,
            processes: launcher,
            clock: main.loop,
            firstNumber: 1,
            secret: { [unowned self] in random.next() },
            logger: logger,
            exposeRoutes: { [unowned self] in
                audit.exposes($0)
                proxy.expose($0)
            },
            settings: { token, first in
                ControllerSettings(
                    instance: Self.instance,
                    agentAddress: address,
                    token: token,
                    database: "",
                    firstNumber: first
                )
            }
        )
        controller = agent
        listeners[address] = (main, agent, hosted)
        system.pools.loads.report { [weak agent] in agent?.report($0) }
        agent.begin(holding: ())
    }

    func end() {
        Self.worlds.withLock { $0[id] = nil }
        launcher.world = nil
        for path in boards { unlink(path) }
        // Wires and connections hold each other.
        for wire in allWires { wire.forget() }
        allWires = []
        // Timers hold the objects they belong to, which hold the loop.
        for process in [main!] + children {
            process.wires = []
            process.loop.drop()
        }
        run(on: main.loop) {
            listeners = [:]
            delayed = []
            controller = nil
            audit = nil
            disk = nil
            controllerTask = nil
            proxy = nil
            peers = nil
            httpLoop = nil
        }
    }

    /// The number of worlds in memory, for finding leaks.
    static let count = Atomic<Int>(0)
    deinit {
        Self.count.subtract(1, ordering: .relaxed)
    }

    // MARK: Services for the parts

    @discardableResult
    func run<Result>(on loop: SimLoop, _ body: () throws -> Result) rethrows -> Result {
        let before = running
        running = loop
        defer { running = before }
        return try body()
    }

    func check(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { fail(what()) }
    }
    func fail(_ what: String) {
        failures.append("at step \(trace.count): \(what)")
        note("here: \(what)")
    }
    func note(_ what: @autoclosure () -> String) {
        trace.append("\(now.uptimeNanoseconds / 1_000_000) ms: \(what())")
    }

    /// Runs a closure on a loop after a random delay.
    func later(_ loop: SimLoop, within most: Int64 = 2_000_000, _ run: @escaping () -> Void) {
        delayed.append((now + .nanoseconds(Int64(random.next(below: Int(most)))), loop, run))
    }

    func noteConnection(_ connection: PeerConnection, of process: SimProcess) {
        weakConnections.append(WeakConnection(connection: connection, process: process))
    }

    func connect(
        _ process: SimProcess,
        to address: String,
        _ delegate: any PeerDelegate,
        _ hosted: HostedReplicas
    ) -> PeerConnection? {
        guard !process.isDead, let listener = listeners[address], !listener.process.isDead else { return nil }
        let sizes = [300, 1000, 5000, 70_000, 300_000]
        let there = SimPipe(capacity: sizes[random.next(below: sizes.count)])
        let back = SimPipe(capacity: sizes[random.next(below: sizes.count)])
        let near = SimWire(process, input: back, output: there)
        let far = SimWire(listener.process, input: there, output: back)
        process.wires.append(near)
        listener.process.wires.append(far)
        allWires += [near, far]
        let connection = near.open(delegate, hosted)
        _ = far.open(listener.delegate, listener.hosted)
        return connection
    }

    /// Called when a process writes to a socket whose other end is gone. The process may learn of the end during the
    /// call.
    func brokeWhileWriting(_ wire: SimWire) {
        guard running === wire.process.loop, random.next(below: 2) == 0 else { return }
        // Bytes that were not read yet are lost.
        faults += 1
        wire.connection?.ended("a broken pipe")
    }

    // MARK: Processes

    private func add(_ process: SimProcess) {
        children.append(process)
        alive.append(process)
        if let replica = process.replica { byReplica[replica] = process }
    }

    /// The process in which a replica runs.
    func process(of replica: ReplicaID?) -> SimProcess { replica.flatMap { byReplica[$0] } ?? main }

    /// Starts a process that does nothing.
    func startSilent(_ replica: ReplicaID) -> SimProcess {
        note("\(replica) does not connect")
        let process = SimProcess(self, "\(replica)", replica)
        add(process)
        return process
    }

    func startController(_ name: ReplicaID, _ settings: ControllerSettings) -> SimProcess {
        let process = SimProcess(self, "controller \(name.number)", name)
        add(process)
        note("\(process.name) starts")
        var logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        // Some take long to load.
        let isSlow = hasFaults && random.next(below: 8) == 0
        later(process.loop, within: isSlow ? 20_000_000_000 : 2_000_000) { [unowned self] in
            guard !process.isDead, let disk else { return }
            let controller = SeparateController(
                settings,
                loop: process.loop,
                store: SimStore(disk, process),
                goal: disk.load(process),
                logger: logger,
                executor: process.executor,
                exit: { [unowned self] _ in kill(process) }
            )
            process.worker = controller
            let system = ServeSystem(settings.instance, clock: process.loop, seed: random.next())
            let hosted = HostedReplicas(system)
            controller.run(SimNetwork(process: process), hosted: hosted, processID: Int32(children.count + 1))
        }
        return process
    }

    func startWorker(_ replica: ReplicaID, _ settings: WorkerSettings) -> SimProcess {
        let process = SimProcess(self, "\(replica)", replica)
        add(process)
        audit.processStarted(replica)
        var logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let system = ServeSystem(settings.instance, clock: process.loop, seed: random.next())
        let environment = WorkerEnvironment(
            processID: Int32(children.count + 1),
            loop: process.loop,
            network: SimNetwork(process: process),
            system: system,
            factory: ReplicaFactory(system, isAlone: true, executor: process.executor),
            memory: nil,
            board: board(),
            logger: logger,
            exit: { [unowned self] _ in
                // A client that reads for longer than a replica may take to drain loses the rest of its answer.
                if now >= deployed + Self.drainTime { faults += 1 }
                end(process)
            }
        )
        run(on: process.loop) {
            let worker = Worker(settings, environment)
            process.worker = worker
            process.system = system
            listeners[settings.address] = (process, worker.callerDelegate, worker.hosted)
            worker.run()
        }
        return process
    }

    /// The board of a worker; some workers have none.
    private func board() -> (path: String, board: SharedBoard)? {
        guard random.next(below: 4) > 0 else { return nil }
        // Of the same length in every history, so that its seed decides everything.
        let numbers = [UInt64(getpid()), id, UInt64(children.count)].map { "\($0 + 1_000_000_000)" }
        let path = "/tmp/swerve-simulation-\(numbers.joined(separator: "-"))"
        guard let board = try? SharedBoard(path: path, create: true) else { return nil }
        boards.append(path)
        return (path, board)
    }

    /// A process ends itself, which may take a while.
    private func end(_ process: SimProcess) {
        guard disk != nil, random.next(below: 3) == 0 else { return kill(process) }
        process.stoppedUntil = .distantFuture
        later(main.loop, within: 50_000_000) { [unowned self] in kill(process) }
    }

    /// What a process has written arrives later.
    func hold(_ process: SimProcess, within most: Int64) {
        for wire in process.wires { wire.output.heldUntil = now + .nanoseconds(Int64(random.next(below: Int(most)))) }
    }

    /// Kills a process. Bytes that it has written still arrive.
    func kill(_ process: SimProcess) {
        guard !process.isDead else { return }
        process.isDead = true
        alive.removeAll { $0 === process }
        note("\(process.name) dies")
        listeners = listeners.filter { $0.value.process !== process }
        for wire in process.wires where !wire.isClosed {
            // The other side of each socket reads the bytes that are on their way, then the end.
            wire.output.isEnded = true
            let far = wire.input
            far.isBroken = true
            far.bytes = ByteBuffer()
            for (_, done) in far.eventual { otherEnd(of: wire)?.process.loop.execute(done) }
            far.eventual = []
        }
        if let replica = process.replica { audit?.processEnded(replica) }
        launcher.died(process)
    }

    private func otherEnd(of wire: SimWire) -> SimWire? { wire.output.reader }

    /// Resets a connection while both processes live. Bytes that were not read by then are lost.
    func breakConnection(_ wire: SimWire) {
        guard !wire.isClosed, let other = otherEnd(of: wire), !other.isClosed else { return }
        wire.peerIsGone()
        other.peerIsGone()
        wire.input.bytes = ByteBuffer()
        other.input.bytes = ByteBuffer()
    }

    /// Lets all stopped processes continue.
    func continueAll() {
        for process in alive where process.stoppedUntil != .distantFuture { process.stoppedUntil = nil }
    }

    // MARK: Steps

    var live: [SimProcess] { alive.filter(\.isRunning) }

    /// Takes one of the possible steps.
    ///
    /// - Returns: `false` when there is none without waiting.
    func step() -> Bool {
        runDelayed()
        let live = live
        var choices: [() -> Void] = []
        for process in live {
            let loop = process.loop
            if loop.hasWork { choices.append { loop.runNext() } }
            if process.executor.count > 0 {
                let executor = process.executor
                choices.append { [unowned self] in executor.run(random.next(below: executor.count)) }
            }
            for wire in process.wires where !wire.isClosed {
                if wire.input.hasNews, wire.input.heldUntil <= now {
                    choices.append { [unowned self] in
                        let there = wire.input.bytes.readableBytes
                        wire.deliver(random.next(below: 3) == 0 ? random.next(below: there + 1) : there)
                    }
                }
                if !wire.output.eventual.isEmpty, wire.output.room > 0 { choices.append { wire.continueWriting() } }
            }
            if process.wires.contains(where: \.isClosed) {
                process.wires.removeAll { $0.isClosed && !$0.input.hasNews }
            }
        }
        let open = gates.indices.filter { gates[$0].process.isRunning && gates[$0].until <= now }
        // Mostly something else happens first.
        if let gate = open.first(where: { _ in random.next(below: 4) == 0 }) ?? (choices.isEmpty ? open.first : nil) {
            choices.append { [unowned self] in gates.remove(at: gate).continuation.resume() }
        }
        guard !choices.isEmpty else { return false }
        trace.append("")
        choices[random.next(below: choices.count)]()
        return true
    }

    private func runDelayed() {
        guard !delayed.isEmpty else { return }
        let due = delayed.filter { $0.at <= now }
        guard !due.isEmpty else { return }
        delayed.removeAll { $0.at <= now }
        for task in due { run(on: task.loop, task.run) }
    }

    /// Moves the time to the next moment at which something is due.
    ///
    /// - Returns: `false` when nothing will ever be due.
    func advance(atMost limit: TimeAmount = .seconds(60)) -> Bool {
        let wakeUps =
            live.compactMap(\.loop.wakeUp) + delayed.map(\.at) + alive.flatMap { $0.wires.map(\.input.heldUntil) }
            + gates.filter(\.process.isRunning).map(\.until)
            + alive.compactMap(\.stoppedUntil).filter { $0 != .distantFuture }
        guard let next = wakeUps.filter({ $0 > now }).min() else { return false }
        now = min(next, now + limit)
        return true
    }

    // MARK: The end

    /// Runs the remaining work of the worker processes to its end, unseen by others.
    func bury() {
        for process in children {
            run(on: process.loop) { for wire in process.wires { wire.connection?.ended("buried") } }
            let gone = gates.filter { $0.process === process }
            gates.removeAll { $0.process === process }
            for gate in gone { gate.continuation.resume() }
            var steps = 0
            while process.loop.hasWork || process.executor.count > 0, steps < 100_000 {
                steps += 1
                if process.loop.hasWork { process.loop.runNext() } else { process.executor.run(0) }
            }
            for wire in process.wires { wire.forget() }
            process.wires = []
            process.worker = nil
            process.system = nil
        }
    }

    /// The number of connections of the main process that something still holds.
    var leftConnections: Int { weakConnections.count { $0.process === main && $0.connection != nil } }
}
