package import SwerveActors
internal import SwerveCore

/// How many threads a session gets when it is not told: its replica's share of the cores.
///
/// The cores that this process may use, divided by the replicas of the deployment; less when the replica's
/// `Resources(cpus:)` says more than 1 and that is less than the share. A session that runs several requests side by side
/// has a thread for each of them, which count.
public enum ThreadShare {
    /// - Parameters:
    ///   - cores: that the process may use; see ``availableCores()``.
    ///   - replicas: that share them.
    ///   - cpus: what one replica reserves; 1, the default of deployments, says nothing.
    ///   - concurrentRuns: runs that one replica executes side by side.
    /// - Returns: the threads for one operator, at least 1.
    public static func threads(cores: Int, replicas: Int, cpus: Double = 1, concurrentRuns: Int = 1) -> Int {
        let fair = Double(cores) / Double(max(1, replicas))
        let share = cpus > 1 ? min(fair, cpus) : fair
        return max(1, Int(share) - (concurrentRuns - 1))
    }
}

extension ONNXSessionOptions {
    /// The options with the share of a replica where they leave something to it: threads, and memory of a GPU.
    ///
    /// - Parameter context: the replica; nil for a session that no replica makes.
    package func resolved(in context: ReplicaContext?, cores: Int? = nil) -> ONNXSessionOptions {
        var options = self
        let deployment = context?.options
        if intraOpThreads == 0 {
            options.intraOpThreads = ThreadShare.threads(
                cores: cores ?? ThreadShare.availableCores(),
                replicas: deployment?.numReplicas ?? 1,
                cpus: deployment?.resources.cpus.value ?? 1,
                concurrentRuns: concurrentRuns
            )
        }
        if let share = deployment?.resources.gpus.value, share > 0, share < 1 {
            options.providers = providers.map { $0.sharing(share) }
        }
        return options
    }

    /// The options of one session that all replicas of a deployment in this process use: the shares of all of them.
    package func pooled(in context: ReplicaContext?, cores: Int? = nil) -> ONNXSessionOptions {
        guard let context, context.options.placement == .inProcess else { return resolved(in: context, cores: cores) }
        var options = self
        let replicas = max(1, context.options.numReplicas)
        options.concurrentRuns = min(concurrentRuns * replicas, 1024)
        options.queueLimit = min(queueLimit * replicas, 1_000_000)
        var pool = context
        pool.options.numReplicas = 1
        if pool.options.resources.cpus.value > 1 { pool.options.resources.cpus.tenThousandths *= Int64(replicas) }
        return options.resolved(in: pool, cores: cores)
    }
}
