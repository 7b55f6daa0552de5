/// What `GET /api/v1/status` says, as far as it is shown.
struct StatusReport: Decodable {
    struct Replica: Decodable {
        var id: String
        var state: String
        var processID: Int32?
        var message: String?

        enum CodingKeys: String, CodingKey {
            case id, state, message
            case processID = "process_id"
        }
    }
    struct Target: Decodable {
        var replicas: Int
    }
    struct Pending: Decodable {
        var count: Int
        var reason: String
    }
    struct Deployment: Decodable {
        var state: String
        var message: String
        var target: Target
        var replicas: [Replica]
        var pending: Pending?

        /// Those that take requests.
        var running: Int { replicas.count { $0.state == "running" } }
    }
    struct Application: Decodable {
        var routePrefix: String?
        var state: String
        var message: String
        var deployments: [String: Deployment]

        enum CodingKeys: String, CodingKey {
            case state, message, deployments
            case routePrefix = "route_prefix"
        }
    }
    struct Address: Decodable {
        var host: String
        var port: Int
    }
    struct Instance: Decodable {
        var processID: Int32
        var http: Address?

        enum CodingKeys: String, CodingKey {
            case http
            case processID = "process_id"
        }
    }

    var instance: Instance
    var applications: [String: Application]

    /// Whether nothing is under way any more: every application runs, or failed for good.
    var isSettled: Bool {
        applications.values.allSatisfy { ["running", "deployFailed"].contains($0.state) }
    }
    var isHealthy: Bool { applications.values.allSatisfy { $0.state == "running" } }
}
