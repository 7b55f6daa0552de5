package import SwerveHTTPTypes

/// Who may do what: a decision from a request's head.
package struct AdminAccess: Sendable {
    /// What a path needs.
    package enum Need: Sendable {
        /// Nothing: the page itself, and whether the server lives.
        case nothing
        /// To tell something about the instance: the token, unless only this machine reaches the server.
        case read
        /// To read what may hold secrets of users: the token.
        case secrets
        /// To change something: the token.
        case change
    }

    private let token: AdminToken
    private let host: HostName
    private let allowed: Set<HostName>

    package init(_ token: AdminToken, _ options: AdminOptions) {
        self.token = token
        host = HostName(option: options.host)
        allowed = Set(options.allowedHosts.map { HostName(option: $0) } + [host])
    }

    /// - Throws: why the request is refused.
    package func check(_ head: HTTPRequestHead, _ need: Need) throws(AdminError) {
        try checkOrigin(head)
        // Such a request needs no origin: a picture, for one, could hold an event stream open.
        let site = head.headers["sec-fetch-site"] ?? "none"
        if need != .nothing, site != "none", site != "same-origin" {
            throw AdminError(.forbidden, "origin_refused", "a page of another origin cannot use this server")
        }
        let isNeeded =
            switch need {
            case .nothing: false
            case .read: !host.isLoopback
            case .secrets, .change: true
            }
        if isNeeded { try checkToken(head) }
    }

    /// Whether a request proves that whoever sent it may read secrets, which it need not.
    func holdsToken(_ request: ServeRequest) -> Bool {
        let values = request.headers.values(of: "authorization")
        return values.count == 1 && isToken(values[0])
    }

    private func isToken(_ value: some StringProtocol) -> Bool {
        let parts = value.split(separator: " ", maxSplits: 1)
        return parts.count == 2 && parts[0].lowercased() == "bearer" && token.matches(parts[1].drop { $0 == " " })
    }

    /// Whether the request was meant for this server, as far as browsers tell. A page of another site can make a browser
    /// send requests here, also under a name that only seems to be the page's own (DNS rebinding).
    private func checkOrigin(_ head: HTTPRequestHead) throws(AdminError) {
        let hosts = head.headers.values(of: "host")
        guard hosts.count == 1, let name = HostName(header: hosts[0]), isOwn(name) else {
            throw AdminError(
                .forbidden,
                "host_refused",
                "the host '\(hosts.first ?? "")' is not this server; use 127.0.0.1 or localhost, or list the name in "
                    + "admin.allowedHosts"
            )
        }
        let own = ["http://\(hosts[0].lowercased())", "https://\(hosts[0].lowercased())"]
        let origins = head.headers.values(of: "origin")
        guard origins.allSatisfy({ own.contains($0.lowercased()) }) else {
            throw AdminError(
                .forbidden,
                "origin_refused",
                "a page of another origin (\(origins.joined(separator: ", "))) cannot use this server"
            )
        }
    }

    private func isOwn(_ name: HostName) -> Bool {
        // Rebinding needs a name, so an address is as good as the server's own.
        name.isLoopback || allowed.contains(name) || (host.isEveryAddress && name.isAddress)
    }

    private func checkToken(_ head: HTTPRequestHead) throws(AdminError) {
        let challenge: HTTPHeaders = ["www-authenticate": "Bearer realm=\"swerve\""]
        let values = head.headers.values(of: "authorization")
        guard let value = values.first, values.count == 1 else {
            throw AdminError(
                .unauthorized,
                "token_missing",
                "this needs the token: send 'Authorization: Bearer TOKEN'; the instance's log says which file holds it",
                headers: challenge
            )
        }
        guard isToken(value) else {
            // The status that Ray answers with, for which its command line has an explanation.
            throw AdminError(
                .forbidden,
                "token_wrong",
                "the token is not this server's; the instance's log says which file holds it"
            )
        }
    }
}
