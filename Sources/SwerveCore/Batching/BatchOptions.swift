/// How the calls of a `@Batched` method are collected into batches.
public struct BatchOptions: Hashable, Sendable, Codable {
    /// How many items a batch has at most; 32 by default.
    public var maxBatchSize: Int
    /// How long an item waits at most for others, while the replica could run its batch; 5 milliseconds by default.
    public var waitTimeout: Duration
    /// How many batches of the method run at a time in one replica; 1 by default.
    public var maxConcurrentBatches: Int
    /// The limit on the sum of the items' sizes in a batch; none by default. Without a function for the size, each item
    /// has size 1. An item that is larger alone fails with ``ServeError/Code/tooLarge``.
    public var maxTotalSize: Int?
    /// The numbers of items that the method accepts, in ascending order; empty, the default, for any. A batch in between
    /// is filled up by repeating its last item, and the results for the repetitions are dropped.
    public var allowedSizes: [Int]
    /// The time from a call's arrival in the replica to its result that batches aim at; `nil`, the default, for batches
    /// whose size and wait are fixed. See ``adaptive(latencyTarget:maxBatchSize:)``.
    public var latencyTarget: Duration?

    public init(
        maxBatchSize: Int = 32,
        waitTimeout: Duration = .milliseconds(5),
        maxConcurrentBatches: Int = 1,
        maxTotalSize: Int? = nil,
        allowedSizes: [Int] = [],
        latencyTarget: Duration? = nil
    ) {
        self.maxBatchSize = maxBatchSize
        self.waitTimeout = waitTimeout
        self.maxConcurrentBatches = maxConcurrentBatches
        self.maxTotalSize = maxTotalSize
        self.allowedSizes = allowedSizes
        self.latencyTarget = latencyTarget
    }

    /// Batches whose size and wait follow from what batches of each size were seen to take, so that as many results as
    /// possible are there within the target. One batch runs at a time.
    ///
    /// - Parameters:
    ///   - latencyTarget: the time from a call's arrival in the replica to its result.
    ///   - maxBatchSize: how many items a batch has at most.
    public static func adaptive(latencyTarget: Duration, maxBatchSize: Int = 128) -> BatchOptions {
        BatchOptions(maxBatchSize: maxBatchSize, waitTimeout: latencyTarget / 2, latencyTarget: latencyTarget)
    }

    /// The largest accepted ``maxBatchSize``.
    public static let maximumBatchSize = 100_000
    /// The largest accepted ``maxConcurrentBatches``.
    public static let maximumConcurrentBatches = 1_000

    /// How many calls are in the method when all batches that may run at a time are full.
    package var fullLoad: Int {
        let (product, overflow) = largestBatch.multipliedReportingOverflow(by: maxConcurrentBatches)
        return overflow ? .max : product
    }

    /// How many items a batch has at most, which the allowed sizes also limit.
    package var largestBatch: Int { min(maxBatchSize, allowedSizes.last ?? maxBatchSize) }

    /// How many items the method gets for a batch of `count`.
    package func filledUp(_ count: Int) -> Int { allowedSizes.first { $0 >= count } ?? count }

    /// What is wrong with the values; `nil` if nothing is.
    package var problem: String? {
        if !(1...Self.maximumBatchSize).contains(maxBatchSize) {
            return "maxBatchSize is \(maxBatchSize); it must be from 1 to \(Self.maximumBatchSize)"
        }
        if waitTimeout < .zero { return "waitTimeout must not be negative" }
        if !(1...Self.maximumConcurrentBatches).contains(maxConcurrentBatches) {
            return "maxConcurrentBatches is \(maxConcurrentBatches); it must be from 1 to "
                + "\(Self.maximumConcurrentBatches)"
        }
        if let latencyTarget, latencyTarget <= .zero { return "latencyTarget must be longer than zero" }
        if let maxTotalSize, maxTotalSize < 1 { return "maxTotalSize is \(maxTotalSize); it must be at least 1" }
        let isAscending = zip(allowedSizes, allowedSizes.dropFirst()).allSatisfy { $0 < $1 }
        guard isAscending, (allowedSizes.first ?? 1) >= 1, (allowedSizes.last ?? 1) <= Self.maximumBatchSize else {
            return "allowedSizes is \(allowedSizes); it must be ascending, from 1 to \(Self.maximumBatchSize)"
        }
        return nil
    }
}

/// A method of a deployment that carries `@Batched`, and how its calls are collected.
public struct BatchedMethod: Hashable, Sendable {
    /// The full name of the method as written: `segment(batch:)`.
    public var name: String
    public var options: BatchOptions

    public init(_ name: String, _ options: BatchOptions) {
        self.name = name
        self.options = options
    }
}

extension DeploymentOptions {
    /// The options with room for the calls that fill the batches of `methods`: those that run, and one more that is
    /// collected meanwhile. For code that `@Deployment` generates when `maxOngoingRequests` is not given.
    public func _withRoom(for methods: [BatchedMethod]) -> DeploymentOptions {
        var options = self
        // `validate` reports wrong options.
        let room = methods.filter { $0.options.problem == nil }.reduce(0) { room, method in
            room + method.options.fullLoad + method.options.largestBatch
        }
        options.maxOngoingRequests = min(max(maxOngoingRequests, room), Self.maximumRequests)
        return options
    }

    /// - Throws: ``ServeError`` with code `invalidOptions` if a method's options are wrong, or its batches could never
    ///   be full.
    package func validate(_ methods: [BatchedMethod], deployment: String) throws(ServeError) {
        for method in methods {
            let start = "deployment '\(deployment)': \(method.name)"
            if let problem = method.options.problem { throw ServeError(.invalidOptions, "\(start): \(problem)") }
            if let problem = problem(with: method.options) { throw ServeError(.invalidOptions, "\(start): \(problem)") }
        }
    }

    /// Why the batches could never be full; `nil` if they can.
    package func problem(with options: BatchOptions) -> String? {
        guard maxOngoingRequests < options.fullLoad else { return nil }
        return "its batches could never be full: \(options.largestBatch) items in each of "
            + "\(options.maxConcurrentBatches) need maxOngoingRequests of at least \(options.fullLoad), and it is "
            + "\(maxOngoingRequests). Raise it, or leave it out"
    }
}
