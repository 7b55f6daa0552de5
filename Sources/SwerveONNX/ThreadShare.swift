package import SwerveActors
internal import SwerveCore

/// How many threads a session gets by default: its replica's share of the cores.
///
/// The share is the cores that this process may use, divided by the number of replicas of the deployment.
/// `Resources(cpus:)` lowers it if it is less than the share. A session with several concurrent runs
/// has a thread for each of them, and these threads are part of the share.
public enum ThreadShare {
    /// - Parameters:
    ///   - cores: the cores that the process may use; see ``availableCores()``.
    ///   - replicas: the number of replicas that share the cores.
    ///   - cpus: the cores that one replica reserves; 0 for none.
    ///   - concurrentRuns: the number of runs that one replica executes at the same time.
    /// - Returns: the number of threads for one operator, from 1 to a million. Numbers out of range count as the
    ///   nearest one in range.
    public static func threads(cores: Int, replicas: Int, cpus: Double = 0, concurrentRuns: Int = 1) -> Int {
        let fair = Double(cores) / Double(max(1, replicas))
        let share = cpus > 0 ? min(fair, cpus) : fair
        // No machine has more cores; so large numbers do not overflow.
        let most = 1_000_000
        let whole = Int(min(max(share, 1), Double(most)))
        return max(1, whole - (min(max(concurrentRuns, 1), most) - 1))
    }
}

extension ONNXSessionOptions {
    /// The options with the replica's share filled in for what they leave open: threads and GPU memory.
    ///
    /// - Parameter context: the replica; nil for a session outside a replica.
    package func resolved(in context: ReplicaContext?, cores: Int? = nil) -> ONNXSessionOptions {
        var options = self
        let deployment = context?.options
        if intraOpThreads == 0 {
            options.intraOpThreads = ThreadShare.threads(
                cores: cores ?? ThreadShare.availableCores(),
                replicas: deployment?.numReplicas ?? 1,
                cpus: deployment?.resources.cpus.value ?? 0,
                concurrentRuns: concurrentRuns
            )
        }
        if let context { options.providers = providers.map { $0.placed(on: context) } }
        return options
    }

    /// The options of the one session that all in-process replicas of a deployment use: the sum of their shares. With
    /// parts of GPUs, each replica has a session of its own, on its device and with its part of the memory.
    package func pooled(in context: ReplicaContext?, cores: Int? = nil) -> ONNXSessionOptions {
        guard let context, context.options.placement == .inProcess, context.gpus.isEmpty else {
            return resolved(in: context, cores: cores)
        }
        var options = self
        let replicas = max(1, context.options.numReplicas)
        // Numbers out of range stay as they are, so that opening the session refuses them.
        func pooled(_ number: Int, most: Int) -> Int {
            (1...most).contains(number) ? min(number * min(replicas, most), most) : number
        }
        options.concurrentRuns = pooled(concurrentRuns, most: ONNXSessionOptions.maximumConcurrentRuns)
        options.queueLimit = pooled(queueLimit, most: ONNXSessionOptions.maximumQueueLimit)
        var pool = context
        pool.options.numReplicas = 1
        pool.options.resources.cpus.tenThousandths *= Int64(replicas)
        return options.resolved(in: pool, cores: cores)
    }
}
