internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveLogs

extension AdminAPI {
    /// What replicas print may hold what is nobody else's business, so it needs the token on loopback, too.
    var logging: [AdminRoute] {
        let api = self
        return [AdminRoute(.get, "/api/v1/logs", need: .secrets) { try await api.logs($0) }]
    }

    private func logs(_ request: ServeRequest) async throws -> ServeResponse {
        let store = try await source.logs()
        let wanted = try LogRequest(request.queryFields, now: time.wall())
        try await check(wanted.query, store)
        guard wanted.follows else { return .json(page(store.read(wanted.query), store)) }
        guard let changes = store.changes(limit: logReaders) else {
            throw AdminError(
                .serviceUnavailable,
                "unavailable",
                "\(logReaders) readers follow the logs already, or the instance is shutting down; see "
                    + "admin.maxLogReaders",
                headers: ["retry-after": "1"]
            )
        }
        return ServeResponse(
            headers: ["content-type": "application/x-ndjson"],
            body: .stream { try await follow(wanted.query, store, changes, $0) }
        )
    }

    /// - Throws: 404 for a process, an application or a deployment that there is none of.
    private func check(_ query: LogQuery, _ store: LogStore) async throws(AdminError) {
        if query.application != nil || query.deployment != nil { try await checkDeployment(query, store) }
        guard let process = query.process, LogSource.Kind(rawValue: process) == nil else { return }
        let names = store.processes.map(\.source.description)
        guard !names.contains(process) else { return }
        throw .notFound("there are no lines of a process '\(process)'; \(NearestName.hint(for: process, among: names))")
    }

    private func checkDeployment(_ query: LogQuery, _ store: LogStore) async throws(AdminError) {
        let running = await source.status().applications.values.flatMap(\.deployments.values).map(\.id)
        // Those that are gone may still have lines.
        let all = Set(running + store.processes.compactMap(\.source.replica?.deployment))
        let applications = Set(all.map(\.application))
        if let application = query.application, !applications.contains(application) {
            let hint = NearestName.hint(for: application, among: applications)
            throw .notFound("there is no application '\(application)'; \(hint)")
        }
        guard let deployment = query.deployment else { return }
        let names = Set(all.filter { query.application ?? $0.application == $0.application }.map(\.deployment))
        guard !names.contains(deployment) else { return }
        throw .notFound("there is no deployment '\(deployment)'; \(NearestName.hint(for: deployment, among: names))")
    }

    private func page(_ page: LogStore.Page, _ store: LogStore) -> ByteBuffer {
        let document: JSONValue = [
            "lines": .array(page.lines.map(\.json)), "next": .integer(page.next), "has_gap": .bool(page.hasGap),
            "processes": .array(store.processes.map(\.json)),
        ]
        return ByteBuffer(string: document.json + "\n")
    }

    /// Writes the lines that are there, then those that come: as many as the client takes, and after a gap those that are
    /// still there.
    private func follow(
        _ query: LogQuery,
        _ store: LogStore,
        _ changes: AsyncStream<Void>,
        _ writer: HTTPBodyWriter
    ) async throws {
        writer.keepAlive(every: Self.keepAlive, ByteBuffer(string: "\n"))
        defer { writer.endKeepAlive() }
        var query = query
        func write(_ page: LogStore.Page) async throws {
            var text = page.hasGap ? "{\"has_gap\":true}\n" : ""
            for line in page.lines { text += line.json.json + "\n" }
            query.after = page.next
            if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
        }
        try await write(store.read(query))
        query.lines = Self.linesPerWrite
        for await _ in changes {
            while true {
                let page = store.read(query)
                try await write(page)
                if page.lines.count < query.lines { break }
            }
            // Lines that come together are written together.
            try await time.sleep(EventHub.interval)
        }
    }

    /// How many lines are written to a follower at a time: 500.
    private static let linesPerWrite = 500
}
