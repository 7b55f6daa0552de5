internal import NIOHTTP1

/// Interprets the answers of a hub.
enum HubAnswer {
    /// The metadata in the headers of a hub's answer about a file.
    struct FileMetadata: Hashable, Sendable {
        let commit: String
        /// The tag under which the file is cached.
        let etag: String
        let size: Int?
    }

    /// - Throws: ``HubError`` with code `server` when a header is missing or invalid.
    static func metadata(
        _ headers: HTTPHeaders,
        isRedirect: Bool,
        from address: HubAddress
    ) throws(HubError) -> FileMetadata {
        guard let commit = headers.first(name: "X-Repo-Commit"), HubName.isCommit(commit) else {
            throw HubError(
                .server,
                "\(address) does not answer like a hub: no commit in X-Repo-Commit. Check HF_ENDPOINT and proxies"
            )
        }
        let tag = headers.first(name: "X-Linked-Etag") ?? headers.first(name: "ETag")
        guard let tag, let etag = HubName.tag(tag) else {
            throw HubError(.server, "\(address) has no usable ETag: \(tag.map(HubName.quoted) ?? "none at all")")
        }
        let length = headers.first(name: "X-Linked-Size") ?? (isRedirect ? nil : headers.first(name: "Content-Length"))
        return FileMetadata(commit: commit, etag: etag, size: length.flatMap(Int.init).flatMap { $0 >= 0 ? $0 : nil })
    }

    /// The start of a `Content-Range`, and the total size if known.
    static func range(_ header: String?) -> (start: Int, size: Int?)? {
        guard let header, header.hasPrefix("bytes ") else { return nil }
        let parts = header.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = parts[0].split(separator: "-").first.flatMap({ Int($0) }) else {
            return nil
        }
        return (start, Int(parts[1]))
    }

    /// Whether a status is a redirect.
    static func isRedirect(_ status: HTTPResponseStatus) -> Bool {
        [301, 302, 303, 307, 308].contains(status.code)
    }

    /// The error of a failed request: a ``HubError``, or a ``TransientFailure`` if another try may help.
    ///
    /// - Parameters:
    ///   - subject: what was requested, for the beginning of the message.
    ///   - isHub: whether the hub itself answered, not a server that it redirects to.
    ///   - hasToken: whether a token was sent.
    static func failure(
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders,
        subject: String,
        isHub: Bool,
        hasToken: Bool
    ) -> any Error {
        let code = isHub ? headers.first(name: "X-Error-Code") : nil
        let told = isHub ? headers.first(name: "X-Error-Message").map { ": " + HubName.quoted($0) } ?? "" : ""
        let token = hasToken ? "the token may lack rights" : "no token was sent; set HF_TOKEN"
        switch (code, status.code) {
        case ("RepoNotFound", _):
            return HubError(
                .notFound,
                "\(subject): the hub has no such repository, or it is private (\(token))",
                isDoubtful: true
            )
        case ("RevisionNotFound", _):
            return HubError(.notFound, "\(subject): the repository has no such revision")
        case ("EntryNotFound", _):
            return HubError(.notFound, "\(subject): the revision has no such file")
        case ("GatedRepo", _):
            return HubError(
                .gated,
                "\(subject): the repository is gated: accept its conditions on its page on the hub, and use a token of "
                    + "that account (\(token))\(told)"
            )
        case (_, 408), (_, 429), (_, 500...599):
            let error = HubError(.server, "\(subject): the hub answered \(status.code) \(status.reasonPhrase)\(told)")
            return TransientFailure(error: error, retryAfter: pause(headers))
        case _ where !isHub:
            // Most likely the hub's signature has expired; the next try gets a new one.
            let error = HubError(.server, "\(subject): the server that the hub redirects to answered \(status.code)")
            return TransientFailure(error: error)
        case (_, 401):
            return HubError(
                .unauthorized,
                hasToken
                    ? "\(subject): the hub does not accept the token\(told)"
                    : "\(subject): the hub requires a token (set HF_TOKEN), or has no such repository\(told)"
            )
        case (_, 403):
            return HubError(.unauthorized, "\(subject): the hub denies access (\(token))\(told)")
        case (_, 404):
            // The hub says what is missing in a header. An answer without it may be that of a mirror or a proxy.
            return HubError(.notFound, "\(subject): the hub has nothing there\(told)", isDoubtful: code == nil)
        default:
            return HubError(.server, "\(subject): the hub answered \(status.code) \(status.reasonPhrase)\(told)")
        }
    }

    private static func pause(_ headers: HTTPHeaders) -> Duration? {
        headers.first(name: "Retry-After").flatMap { Int($0.trimmed) }.flatMap {
            $0 >= 0 ? .seconds(min($0, 86_400)) : nil
        }
    }
}
