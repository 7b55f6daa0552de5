internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

/// What the admin server answers, by path.
package struct AdminAPI: Sendable {
    let source: any AdminSource
    let hub: EventHub
    let time: AdminTime
    private let processes: ProcessTable
    /// Whether a request holds the token, although its path does not need it.
    let isTrusted: @Sendable (ServeRequest) -> Bool
    /// How many may follow the logs.
    let logReaders: Int

    package init(_ source: any AdminSource, _ hub: EventHub, _ time: AdminTime, _ access: AdminAccess, logReaders: Int)
    {
        isTrusted = { access.holdsToken($0) }
        self.logReaders = logReaders
        self.source = source
        self.hub = hub
        self.time = time
        processes = ProcessTable(time)
    }

    package var routes: AdminRoutes { AdminRoutes(pages + observing + logging + changing + ray) }

    // MARK: What tells something

    private var observing: [AdminRoute] {
        let api = self
        return [
            AdminRoute(.get, "/-/healthz", need: .nothing) { _ in .text("success\n") },
            AdminRoute(.get, "/api/v1/status") { _ in try await api.status() },
            AdminRoute(.get, "/api/v1/events") { _ in try api.events() },
            AdminRoute(.get, "/api/v1/processes") { _ in
                let document = await StatusDocument(api.source, api.source.status())
                let processes = try await api.processes.measure(InstanceProcess.all(document))
                return .json(try document.json.value(["processes": processes]).bytes)
            },
            AdminRoute(.get, "/metrics") { request in
                let metrics = try await api.source.metrics(accept: request.headers["accept"])
                return ServeResponse(headers: ["content-type": metrics.contentType], body: .text(metrics.text))
            },
            AdminRoute(.get, "/api/v1/series") { .json(try await api.source.series($0.queryFields)) },
            AdminRoute(.get, "/api/v1/plan") { request in
                let application = try request.queryField("application")
                let revision = try request.queryNumber("revision")
                let plan = try await api.source.plan(rollbackOf: application, to: revision)
                return .json(try await api.json().value(plan).bytes)
            },
            // Tells what would change: nothing does.
            AdminRoute(.post, "/api/v1/plan", need: .change) { request in
                let plans = try await api.source.plan(try await request.content())
                return .json(try await api.json().value(["plans": plans]).bytes)
            },
            AdminRoute(.get, "/api/v1/applications/{application}/revisions") { request in
                let name = request.parameters["application"] ?? ""
                let revisions = try await api.source.revisions(of: name)
                return .json(try await api.json().value(["revisions": revisions]).bytes)
            },
        ]
    }

    private func status() async throws -> ServeResponse {
        .json(try await StatusDocument(source, source.status()).value().bytes)
    }

    /// How long a stream is silent before a comment shows that it lives: 15 s.
    package static let keepAlive = Duration.seconds(15)
    /// How soon a client connects again after the stream ended, unless it decides itself: 1 s.
    private static let retry = ByteBuffer(string: "retry: 1000\n\n")

    private func events() throws -> ServeResponse {
        let events = try hub.open()
        return ServeResponse(
            headers: ["content-type": "text/event-stream"],
            body: .stream { writer in
                try await writer.write(Self.retry)
                writer.keepAlive(every: Self.keepAlive, ServerSentEvent.emptyComment)
                defer { writer.endKeepAlive() }
                for await event in events { try await writer.write(event) }
            }
        )
    }

    /// Writes times as they are now.
    func json() async -> AdminJSON { await StatusDocument(source, ServeStatus(applications: [:])).json }
}

extension ServeResponse {
    static func json(_ bytes: ByteBuffer, status: HTTPStatus = .ok) -> ServeResponse {
        .bytes(bytes, contentType: "application/json", status: status)
    }
}

extension ServeRequest {
    /// The largest content of a request to the admin server: 1 MiB.
    static let maxContentBytes = 1 << 20

    func content() async throws -> ByteBuffer { try await body.collect(upTo: Self.maxContentBytes) }

    /// The content as JSON.
    ///
    /// - Throws: ``AdminError`` if it has another shape.
    func fields<Value: Decodable>(as type: Value.Type = Value.self) async throws -> Value {
        do { return try await decodeJSON(maxBytes: Self.maxContentBytes) } catch let error as ServeHTTPError {
            throw AdminError(error)
        }
    }

    /// The fields of the query; of those with one name, the last.
    var queryFields: [String: String] { Dictionary(queryItems.map { ($0.name, $0.value) }) { _, last in last } }

    func queryField(_ name: String) throws(AdminError) -> String {
        guard let value = queryFields[name], !value.isEmpty else {
            throw .badRequest("the query lacks \(name), as in ?\(name)=…")
        }
        return value
    }

    func queryNumber(_ name: String) throws(AdminError) -> Int? {
        guard let text = queryFields[name] else { return nil }
        guard let number = Int(text) else { throw .badRequest("\(name) is '\(text)'; it must be a number") }
        return number
    }
}
