internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes

/// Which application answers which paths: the longest route prefix wins, and `/a` covers `/a` and `/a/…` but not `/ab`.
struct RouteTable: Sendable {
    struct Row: Sendable {
        let prefix: [UInt8]
        let entry: RouteEntry
        let pool: Pool
        /// How many bytes of a matching path belong to the prefix: 0 for `/`.
        var prefixLength: Int { prefix == [UInt8(ascii: "/")] ? 0 : prefix.count }
    }

    /// Longest prefix first.
    let rows: [Row]

    init() {
        self.rows = []
    }

    init(_ entries: [RouteEntry], _ pools: PoolTable) {
        self.rows = entries.map { entry in
            Row(prefix: Array(entry.prefix.utf8), entry: entry, pool: pools.pool(entry.ingress))
        }
        .sorted { $0.prefix.count > $1.prefix.count }
    }

    func match(_ head: HTTPRequestHead) -> Row? {
        if rows.count == 1, rows[0].prefixLength == 0 { return rows[0] }
        return head.withPathBytes { path in
            rows.first { row in
                let length = row.prefixLength
                if length == 0 { return true }
                guard path.count >= length, path.prefix(length).elementsEqual(row.prefix) else { return false }
                return path.count == length || path[length] == UInt8(ascii: "/")
            }
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
