internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Talks to a hub: follows its redirects, sends the token only to the hub, and retries after temporary failures.
struct HubClient: Sendable {
    private let http: HTTPClient
    private let endpoint: HubEndpoint
    private let token: String?
    private let limits: HubLimits
    private let logger: Logger
    let sleep: Sleep

    /// - Throws: ``HubError`` with code `invalidOption`.
    init(_ http: HTTPClient, options: ModelHubOptions, sleep: @escaping Sleep) throws(HubError) {
        self.http = http
        endpoint = try HubEndpoint(options.endpoint)
        if let token = options.token, token.isEmpty || !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw HubError(.invalidOption, "the token is empty or has invalid characters; check HF_TOKEN or its file")
        }
        token = options.token
        limits = options.limits
        logger = options.logger
        self.sleep = sleep
    }

    /// The configuration of a load's HTTP client, which is shut down when the load ends.
    static func configuration(_ limits: HubLimits) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(limits.connectTimeout), read: TimeAmount(limits.idleTimeout))
        )
        // This client counts failures and pauses after them, so the pool must not retry as well.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(limits.parallelFiles, 1)
        // Large files are faster over separate connections than as streams of one connection.
        configuration.httpVersion = .http1Only
        return configuration
    }

    /// Asks for the commit and the files of a revision.
    ///
    func listing(_ repository: String, revision: String) async throws -> ListingAnswer {
        let address = try endpoint.listing(repository, revision: revision)
        let subject = "\(repository) at \(HubName.quoted(revision))"
        return try await retrying {
            let (response, last) = try await request(.GET, address, subject: subject)
            guard response.status == .ok else { throw failure(response, last, subject) }
            do {
                return try ListingAnswer(await response.body.collect(upTo: limits.maximumListingBytes), from: last)
            } catch is NIOTooManyBytesError {
                throw HubError(
                    .tooLarge,
                    "\(subject): the list of files has more than \(limits.maximumListingBytes) bytes, maximumListingBytes"
                )
            } catch let error as HubError {
                throw error
            } catch {
                throw transportFailure(error, last)
            }
        }
    }

    /// Asks the hub for a file's metadata.
    func metadata(_ path: String, of repository: String, commit: String) async throws -> HubAnswer.FileMetadata {
        let address = try endpoint.file(path, of: repository, revision: commit)
        let subject = "\(HubName.quoted(path)) of \(repository)"
        return try await retrying {
            let (response, last) = try await request(.HEAD, address, subject: subject) { headers in
                // The redirect to a storage has all metadata; the storage itself knows nothing about commits.
                headers.contains(name: "X-Repo-Commit")
            }
            let isRedirect = HubAnswer.isRedirect(response.status)
            guard response.status == .ok || isRedirect else { throw failure(response, last, subject) }
            let metadata = try HubAnswer.metadata(response.headers, isRedirect: isRedirect, from: last)
            guard metadata.commit == commit else {
                throw HubError(
                    .server,
                    "\(subject): the hub answered with commit \(metadata.commit) instead of \(commit)"
                )
            }
            return metadata
        }
    }

    /// Requests a file's bytes from `start` on.
    ///
    /// Each try begins at the hub, because its redirects are only valid for a while.
    ///
    /// - Parameter validator: the tag of the bytes already received; if the file's tag has changed, the answer is the
    ///   whole file.
    /// - Returns: an answer with status 200, 206 or 416, whose body is still to be read.
    func open(
        _ path: String,
        of repository: String,
        commit: String,
        start: Int,
        validator: String?
    ) async throws -> HTTPClientResponse {
        let address = try endpoint.file(path, of: repository, revision: commit)
        let subject = "\(HubName.quoted(path)) of \(repository)"
        var headers = HTTPHeaders()
        if start > 0 {
            headers.add(name: "Range", value: "bytes=\(start)-")
            if let validator { headers.add(name: "If-Range", value: validator) }
        }
        let (response, last) = try await request(.GET, address, headers: headers, subject: subject)
        guard [200, 206, 416].contains(response.status.code) else { throw failure(response, last, subject) }
        return response
    }

    /// Sends a request and follows its redirects.
    ///
    /// - Parameter stop: whether to return a redirect away from the hub with these headers instead of following it.
    private func request(
        _ method: HTTPMethod,
        _ start: HubAddress,
        headers: HTTPHeaders = [:],
        subject: String,
        stop: (HTTPHeaders) -> Bool = { _ in false }
    ) async throws -> (HTTPClientResponse, HubAddress) {
        var address = start
        for _ in 0...max(limits.maximumRedirects, 0) {
            var request = HTTPClientRequest(url: address.text)
            request.method = method
            request.headers = headers
            request.headers.add(name: "User-Agent", value: "swerve")
            request.headers.add(name: "Accept-Encoding", value: "identity")
            if let token, address.origin == endpoint.origin {
                request.headers.add(name: "Authorization", value: "Bearer \(token)")
            }
            let response: HTTPClientResponse
            do {
                response = try await http.execute(request, timeout: TimeAmount(limits.answerTimeout))
            } catch {
                throw transportFailure(error, address)
            }
            guard HubAnswer.isRedirect(response.status), let location = response.headers.first(name: "Location") else {
                return (response, address)
            }
            guard let next = address.following(location),
                address.origin.scheme == "http" || next.origin.scheme == "https"
            else {
                throw HubError(.server, "\(subject): refused a redirect from \(address) to \(HubName.quoted(location))")
            }
            if next.origin != endpoint.origin, stop(response.headers) { return (response, address) }
            address = next
        }
        throw HubError(
            .server,
            "\(subject): more than \(limits.maximumRedirects) redirects, the limit maximumRedirects; the last to \(address)"
        )
    }

    private func failure(_ response: HTTPClientResponse, _ address: HubAddress, _ subject: String) -> any Error {
        let isHub = address.origin == endpoint.origin
        return HubAnswer.failure(
            response.status,
            response.headers,
            subject: subject,
            isHub: isHub,
            hasToken: token != nil
        )
    }

    /// The error of a request that got no answer or an incomplete one.
    func transportFailure(_ error: any Error, _ address: HubAddress? = nil) -> any Error {
        if Task.isCancelled || error is CancellationError { return CancellationError() }
        let place = address.map(\.description) ?? "the hub"
        switch error as? HTTPClientError {
        case .readTimeout:
            let text = "\(place) sent nothing for \(limits.idleTimeout), the limit idleTimeout"
            return TransientFailure(error: HubError(.timeout, text))
        case .deadlineExceeded:
            let text = "\(place) did not answer within \(limits.answerTimeout), the limit answerTimeout"
            return TransientFailure(error: HubError(.timeout, text))
        case .connectTimeout, .getConnectionFromPoolTimeout:
            let text = "no connection to \(place) within \(limits.connectTimeout), the limit connectTimeout"
            return TransientFailure(error: HubError(.unreachable, text))
        default:
            return TransientFailure(error: HubError(.unreachable, "\(place) cannot be reached: \(error)"))
        }
    }

    private func retrying<Result>(_ body: () async throws -> Result) async throws -> Result {
        var policy = RetryPolicy(limits)
        while true {
            do {
                return try await body()
            } catch let failure as TransientFailure {
                let chance = Double.random(in: 0..<1)
                guard let pause = policy.pause(retryAfter: failure.retryAfter, chance: chance) else {
                    throw failure.error
                }
                logger.info("a request to the hub failed; trying again", metadata: ["error": "\(failure.error)"])
                try await sleep(pause)
            }
        }
    }
}
