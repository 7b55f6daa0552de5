internal import AsyncHTTPClient
internal import NIOPosix

/// Makes clients of the hub, and asks it for the files of a revision with much patience or with little.
struct HubNetwork: Sendable {
    var options: ModelHubOptions
    /// Waits between tries of requests and of locks.
    let sleep: Sleep
    /// Waits until a deadline is over.
    let timer: Sleep

    /// Runs the body with a client, whose connections are closed in the end.
    func withClient<Result: Sendable>(_ body: (HubClient) async throws -> Result) async throws -> Result {
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(HTTPClient.defaultEventLoopGroup),
            configuration: HubClient.configuration(options.limits)
        )
        let result: Result
        do {
            result = try await body(try HubClient(http, options: options, sleep: sleep))
        } catch {
            try? await http.shutdown()
            throw error
        }
        try? await http.shutdown()
        return result
    }

    /// Asks for the commit and the files of a revision.
    ///
    /// - Parameter isPatient: false asks only once, for at most ``HubLimits/fallbackDeadline``.
    /// - Throws: ``HubError``, or `CancellationError`.
    func listing(_ repository: String, revision: String, isPatient: Bool) async throws -> ListingAnswer {
        if isPatient {
            return try await withClient { client in try await client.listing(repository, revision: revision) }
        }
        let deadline = options.limits.fallbackDeadline
        var hasty = self
        hasty.options.limits.attempts = 1
        // Closing a client waits for its connection attempts, so these must not outlast the deadline.
        hasty.options.limits.connectTimeout = min(deadline, options.limits.connectTimeout)
        return try await withThrowingTaskGroup(of: ListingAnswer?.self) { [hasty, timer] group in
            defer { group.cancelAll() }
            group.addTask { try await hasty.listing(repository, revision: revision, isPatient: true) }
            group.addTask {
                try await timer(deadline)
                return nil
            }
            guard let first = try await group.next(), let answer = first else {
                throw HubError(
                    .timeout,
                    "\(repository) at \(HubName.quoted(revision)): the hub did not answer within \(deadline), the limit "
                        + "fallbackDeadline"
                )
            }
            return answer
        }
    }
}
