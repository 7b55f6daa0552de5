import Foundation
import NIOCore
import Swerve
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct Admin {
        private func withAdmin(
            _ options: AdminOptions = AdminOptions(port: 0),
            _ body: (AdminClient) async throws -> Void
        ) async throws {
            var all = ServeOptions.testing
            all.admin = options
            try await AdminClient.with(all, body)
        }

        @Test func `an instance has no admin server unless its options say so`() async throws {
            try await instance.start()
            #expect(await instance.adminPort == nil)
            #expect(await instance.adminURL == nil)
            #expect(await instance.adminTokenFile == nil)
        }

        @Test func `a port that is taken is named, and the instance does not run`() async throws {
            try await withAdmin { client in
                var options = ServeOptions.testing
                options.admin = AdminOptions(port: client.port)
                let other = ServeInstance(options)
                let error = await #expect(throws: ServeError.self) { try await other.start() }
                #expect(error?.code == .addressInUse)
                #expect(error?.message.contains("the admin server cannot listen on 127.0.0.1:\(client.port)") == true)
                #expect(await other.port == nil)
                // The token of the one that runs is still there.
                let answer = try await client.send("PUT", "/api/v1/target-capacity", "{}")
                #expect(answer.status == 202)
            }
        }

        @Test func `the status has what runs and what the instance is`() async throws {
            try await withAdmin { client in
                let model = Model.options(numReplicas: 2, placement: .inProcess).bind()
                try await client.instance.run(model, name: "camelCase", routePrefix: "/m")
                let status = try await client.json("/api/v1/status")
                let facts = try #require(status["instance"] as? [String: Any])
                #expect(facts["process_id"] as? Int == Int(ProcessInfo.processInfo.processIdentifier))
                let port = await client.instance.port
                #expect((facts["http"] as? [String: Any])?["port"] as? Int == port)
                let started = try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(
                    try #require(facts["started_at"] as? String)
                )
                #expect((0...60).contains(-started.timeIntervalSinceNow))
                let applications = try #require(status["applications"] as? [String: Any])
                let application = try #require(applications["camelCase"] as? [String: Any])
                // Its ingress answers no HTTP.
                #expect(application["route_prefix"] == nil)
                let deployment = try #require(
                    (application["deployments"] as? [String: Any])?["Model"] as? [String: Any]
                )
                #expect(deployment["id"] as? String == "camelCase/Model")
                #expect((deployment["target"] as? [String: Any])?["replicas"] as? Int == 2)
                let replicas = try #require(deployment["replicas"] as? [[String: Any]])
                #expect(replicas.map { $0["state"] as? String } == ["running", "running"])
                #expect((replicas[0]["start_up"] as? [String: Any])?["ready"] is Double)
            }
        }

        // MARK: Refusals

        @Test func `what changes something needs the token`() async throws {
            try await withAdmin { client in
                let host = ("host", "localhost:\(client.port)")
                let requests = [
                    ("POST", "/api/v1/shutdown"), ("DELETE", "/api/serve/applications/"),
                    ("PUT", "/api/serve/applications/"),
                    ("DELETE", "/api/v1/applications/a"), ("POST", "/api/v1/applications/a/rollback"),
                    ("POST", "/api/v1/applications/a/deployments/b/scale"), ("PUT", "/api/v1/target-capacity"),
                ]
                for (method, path) in requests {
                    let without = try await client.send(method, path, "{}", headers: [host])
                    #expect(without.status == 401 && code(without) == "token_missing", "\(method) \(path)")
                    #expect(without.headers["www-authenticate"] == "Bearer realm=\"swerve\"")
                    let wrong = [host, ("authorization", "Bearer \(String(client.token.reversed()))")]
                    let answer = try await client.send(method, path, "{}", headers: wrong)
                    #expect(answer.status == 403 && code(answer) == "token_wrong", "\(method) \(path)")
                }
                #expect(try await client.send("GET", "/-/healthz").status == 200)
            }
        }

        @Test func `a request for another host or from another origin is refused, whatever it asks`() async throws {
            try await withAdmin { client in
                for path in ["/", "/api/v1/status", "/api/v1/events", "/nothing"] {
                    let foreign = try await client.send("GET", path, headers: [("host", "evil.example")])
                    #expect(foreign.status == 403 && code(foreign) == "host_refused")
                    let origin = [("host", "localhost:\(client.port)"), ("origin", "http://evil.example")]
                    let other = try await client.send("GET", path, headers: origin)
                    #expect(other.status == 403 && code(other) == "origin_refused")
                    #expect(other.headers["access-control-allow-origin"] == nil)
                }
            }
        }

        @Test func `every answer has the headers that keep browsers safe`() async throws {
            try await withAdmin { client in
                for path in ["/", "/dashboard.js", "/api/v1/status", "/nothing"] {
                    let headers = try await client.send("GET", path).headers
                    #expect(headers["x-content-type-options"] == "nosniff", "\(path)")
                    #expect(headers["content-security-policy"]?.contains("frame-ancestors 'none'") == true, "\(path)")
                    #expect(headers["content-security-policy"]?.contains("unsafe") == false, "\(path)")
                    #expect(headers["cache-control"] == "no-store", "\(path)")
                }
                #expect(try await client.send("GET", "/").headers["content-type"] == "text/html; charset=utf-8")
            }
        }

        @Test func `content above 1 MiB is refused, announced or not`() async throws {
            try await withAdmin { client in
                let large = String(repeating: " ", count: (1 << 20) + 1)
                let answer = try await client.send("PUT", "/api/v1/target-capacity", large)
                #expect(answer.status == 413 && code(answer) == "content_too_large")
                let head =
                    "PUT /api/v1/target-capacity HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \(client.token)\r\n"
                    + "transfer-encoding: chunked\r\n\r\n"
                let chunked = try await Connection.open(port: client.port) { connection in
                    try await connection.send("\(head)\(String(large.utf8.count, radix: 16))\r\n\(large)\r\n0\r\n\r\n")
                    return try await connection.response()
                }
                #expect(chunked.status == 413)
            }
        }

        @Test func `unknown paths, methods and names say what there is`() async throws {
            try await withAdmin { client in
                let path = try await client.send("GET", "/api/v1/statu")
                #expect(path.status == 404 && path.text.contains("there is /api/v1/status"))
                let method = try await client.send("POST", "/api/v1/status")
                #expect(method.status == 405 && method.headers["allow"] == "GET, HEAD")
                try await client.instance.run(
                    Model.options(placement: .inProcess).bind(),
                    name: "model",
                    routePrefix: nil
                )
                let name = try await client.send("DELETE", "/api/v1/applications/modle")
                #expect(name.status == 404 && name.text.contains("there is no application 'modle'; there is model"))
            }
        }

        @Test func `metrics and their history are read here`() async throws {
            try await withAdmin { client in
                try await client.instance.run(Model.options(placement: .inProcess).bind(), name: "m", routePrefix: nil)
                let metrics = try await client.send("GET", "/metrics")
                #expect(metrics.status == 200)
                #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
                #expect(metrics.text.contains(#"ray_serve_application_status{application="m"} 6"#))
                try await eventually("a reading") {
                    try await client.send("GET", "/api/v1/series").text.contains(#""m/Model""#)
                }
            }
        }

        @Test func `a scale is carried out, with the answers of Ray's API`() async throws {
            try await withAdmin { client in
                try await client.instance.run(Model.options(placement: .inProcess).bind(), name: "m", routePrefix: nil)
                let path = "/api/v1/applications/m/deployments/Model/scale"
                let answer = try await client.send("POST", path, #"{"target_num_replicas": 3}"#)
                #expect(answer.status == 200)
                #expect(
                    object(answer)?["message"] as? String
                        == "Scaling request received. Deployment will get scaled asynchronously."
                )
                try await eventually("three replicas") {
                    await client.instance.status().applications["m"]?.deployments["Model"]?.replicas.count == 3
                }
                for (body, path, status) in [
                    ("{}", path, 400), (#"{"target_num_replicas": -1}"#, path, 400), ("nonsense", path, 400),
                    (#"{"target_num_replicas": 1}"#, "/api/v1/applications/m/deployments/None/scale", 404),
                ] {
                    let answer = try await client.send("POST", path, body)
                    #expect(answer.status == status && object(answer)?["error"] is String, "\(body): \(answer.text)")
                }
            }
        }

        @Test func `a delete is begun, and the application disappears`() async throws {
            try await withAdmin { client in
                try await client.instance.run(Model.options(placement: .inProcess).bind(), name: "m", routePrefix: nil)
                #expect(try await client.send("DELETE", "/api/v1/applications/m").status == 202)
                try await eventually("it is gone") { await client.instance.status().applications.isEmpty }
            }
        }

        @Test func `an earlier revision can be deployed again`() async throws {
            try await withAdmin { client in
                let name = "m"
                func run(_ version: Int) async throws -> Model {
                    let bound = Model.options(placement: .inProcess).bind(version: version)
                    return try await client.instance.run(bound, name: name, routePrefix: nil)
                }
                let model = try await run(1)
                let none = try await client.send("POST", "/api/v1/applications/m/rollback")
                #expect(none.status == 409 && code(none) == "no_earlier_revision")
                _ = try await run(2)
                #expect(try await model.answer() == 2)

                let plan = try await client.json("/api/v1/plan?application=m")
                let changes = try #require(plan["changes"] as? [[String: Any]])
                #expect(changes.map { $0["action"] as? String } == ["replace"])
                #expect(try await model.answer() == 2)

                #expect(try await client.send("POST", "/api/v1/applications/m/rollback").status == 202)
                try await eventually("the first version answers") { try await model.answer() == 1 }
                try await eventually("a third revision") {
                    let revisions = try await client.json("/api/v1/applications/m/revisions")["revisions"]
                    return (revisions as? [[String: Any]])?.map { $0["revision"] as? Int } == [3, 2, 1]
                }
                let back = try await client.send("POST", "/api/v1/applications/m/rollback", #"{"revision": 2}"#)
                #expect(back.status == 202)
                try await eventually("the second version answers") { try await model.answer() == 2 }
                let unknown = try await client.send("POST", "/api/v1/applications/m/rollback", #"{"revision": 9}"#)
                #expect(
                    unknown.status == 404 && unknown.text.contains("has no revision 9 any more; there is 4, 3, 2, 1")
                )
            }
        }

        @Test func `the processes are those that run, and what they use`() async throws {
            try await withAdmin { client in
                try await client.instance.run(Model.bind(), name: "m", routePrefix: nil)
                let answer = try await client.json("/api/v1/processes")
                let processes = try #require(answer["processes"] as? [[String: Any]])
                #expect(processes.map { $0["kind"] as? String } == ["instance", "replica"])
                #expect(processes[1]["replica"] as? String == "m/Model#1")
                let status = await client.instance.status()
                let id = status.applications["m"]?.deployments["Model"]?.replicas[0].processID
                #expect(processes[1]["process_id"] as? Int == id.map { Int($0) })
                for process in processes {
                    #expect((process["memory_bytes"] as? Int).map { $0 > 1 << 20 } == true)
                    #expect((process["uptime"] as? Double).map { (0...3600).contains($0) } == true)
                    #expect((process["cpu_percent"] as? Double).map { $0 >= 0 } == true)
                }
            }
        }

        // MARK: Ray's API

        @Test func `Ray's command line finds its API`() async throws {
            try await withAdmin { client in
                let version = try await client.json("/api/ray/version")
                #expect(version["ray_version"] as? String == "2.60.0")
                try await client.instance.run(Model.options(placement: .inProcess).bind(), name: "m", routePrefix: "/m")
                let details = try await client.json("/api/serve/applications/")
                #expect((details["controller_info"] as? [String: Any])?["node_id"] is String)
                let application = try #require((details["applications"] as? [String: Any])?["m"] as? [String: Any])
                #expect(application["status"] as? String == "RUNNING")
                let deployment = try #require(
                    (application["deployments"] as? [String: Any])?["Model"] as? [String: Any]
                )
                #expect(deployment["status"] as? String == "HEALTHY")
                #expect(try await client.send("DELETE", "/api/serve/applications/").status == 200)
                try await eventually("nothing runs") { await client.instance.status().applications.isEmpty }
            }
        }

        @Test func `Ray's details tell which deployment has whose handle`() async throws {
            try await withAdmin { client in
                let journal = Journal.options(placement: .inProcess).bind()
                let gate = Gate.options(placement: .inProcess).bind(journal: journal)
                let visitor = Visitor.options(placement: .inProcess).bind(gate: gate)
                try await client.instance.run(visitor, name: "m", routePrefix: nil)
                let details = try await client.json("/api/serve/applications/")
                let application = (details["applications"] as? [String: Any])?["m"] as? [String: Any]
                let topology = try #require(application?["deployment_topology"] as? [String: Any])
                #expect(topology["ingress_deployment"] as? String == "Visitor")
                let nodes = try #require(topology["nodes"] as? [String: [String: Any]])
                let called = nodes.mapValues { node in
                    (node["outbound_deployments"] as? [[String: Any]] ?? []).map { $0["name"] as? String }
                }
                #expect(called == ["Visitor": ["Gate"], "Gate": ["Journal"], "Journal": []])
            }
        }
    }
}
