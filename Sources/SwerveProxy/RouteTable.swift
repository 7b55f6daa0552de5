internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveMetrics

/// Which application answers which paths: the longest route prefix wins, and `/a` covers `/a` and `/a/…` but not `/ab`.
struct RouteTable: Sendable {
    /// A class, because each request takes one row out of the table.
    final class Row: Sendable {
        /// In its normal form; empty for `/`.
        let prefix: [UInt8]
        let entry: RouteEntry
        let pool: Pool
        let cors: CORSAnswers?
        /// By event loop.
        let metrics: [RouteMetrics]

        init(_ entry: RouteEntry, _ pool: Pool, _ loops: [LoopMetrics]) {
            self.prefix = entry.prefix == "/" ? [] : Array(entry.prefix.utf8)
            self.entry = entry
            self.pool = pool
            self.cors = entry.cors.map(CORSAnswers.init)
            self.metrics = loops.map {
                RouteMetrics(entry.prefix, entry.application, deployment: entry.ingress.labels, $0)
            }
        }
    }

    /// Longest prefix first.
    let rows: [Row]

    init() {
        self.rows = []
    }

    init(_ entries: [RouteEntry], _ pools: PoolTable, _ loops: [LoopMetrics] = []) {
        self.rows = entries.map { Row($0, pools.pool($0.ingress), loops) }.sorted { $0.prefix.count > $1.prefix.count }
    }

    /// The application of a request, and how many bytes of its path belong to the route prefix.
    func match(_ head: HTTPRequestHead) -> (row: Row, prefixLength: Int)? {
        if rows.count == 1, rows[0].prefix.isEmpty { return (rows[0], 0) }
        return head.withPathBytes { path in
            for row in rows {
                if row.prefix.isEmpty { return (row, 0) }
                if let length = NormalPath.length(of: row.prefix, in: path) { return (row, length) }
            }
            return nil
        }
    }

    /// The answer to `/-/routes`: a JSON object of application names by route prefix. An application that describes its
    /// routes is an object with `application` and `routes`, where `routes` holds the `input` and `output` schemas by
    /// path.
    var json: String {
        let fields = rows.sorted { $0.entry.prefix < $1.entry.prefix }.map { row in
            "\(JSONSchema.quoted(row.entry.prefix)):\(Self.json(of: row.entry))"
        }
        return "{\(fields.joined(separator: ","))}\n"
    }

    private static func json(of entry: RouteEntry) -> String {
        let name = JSONSchema.quoted(entry.application)
        if entry.routes.isEmpty { return name }
        let routes = entry.routes.map { route in
            #"\#(JSONSchema.quoted(route.path ?? "/*")):{"input":\#(route.input),"output":\#(route.output)}"#
        }
        return #"{"application":\#(name),"routes":{\#(routes.joined(separator: ","))}}"#
    }
}
