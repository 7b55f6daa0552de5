import Foundation
import Swerve
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// What an instance knows of deploys after a restart with the same state directory.
    @Suite(.timeLimit(.minutes(5))) struct DeployHistories {
        private let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-deploys-\(UUID())").path()
        private static let executable = Program.product("entry-application").path()

        private func withAdmin(
            _ controller: ServeOptions.ControllerPlacement = .embedded,
            _ body: (AdminClient) async throws -> Void
        ) async throws {
            var options = ServeOptions.testing
            options.admin = AdminOptions(port: 0)
            options.stateDirectory = folder
            options.controller = controller
            try await AdminClient.with(options, body)
        }

        private func configuration(_ words: [String: Int]) throws -> String {
            let applications = words.sorted { $0.key < $1.key }.map { name, times -> [String: Any] in
                [
                    "name": name, "route_prefix": "/\(name)", "import_path": "\(Self.executable):shouting",
                    "args": ["times": times],
                ]
            }
            let json = try JSONSerialization.data(withJSONObject: ["applications": applications])
            return String(decoding: json, as: UTF8.self)
        }

        private func put(_ words: [String: Int], _ client: AdminClient) async throws {
            let answer = try await client.send("PUT", "/api/serve/applications/", configuration(words))
            #expect(answer.status == 200, "\(answer.text)")
        }

        private func revisions(_ name: String, _ client: AdminClient) async throws -> [Int] {
            let answer = object(try await client.send("GET", "/api/v1/applications/\(name)/revisions"))
            return (answer?["revisions"] as? [[String: Any]] ?? []).compactMap { $0["revision"] as? Int }
        }

        private func times(_ name: String, _ client: AdminClient) async throws -> Int? {
            // Without the token, the arguments are hidden.
            let headers = [("host", "127.0.0.1"), ("authorization", "Bearer \(client.token)")]
            let details = object(try await client.send("GET", "/api/serve/applications/", headers: headers))
            let applications = details?["applications"] as? [String: [String: Any]]
            let config = applications?[name]?["deployed_app_config"] as? [String: Any]
            return (config?["args"] as? [String: Any])?["times"] as? Int
        }

        @Test(arguments: [ServeOptions.ControllerPlacement.embedded, .separate])
        func `configurations and revisions outlive the instance`(
            _ controller: ServeOptions.ControllerPlacement
        ) async throws {
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var deployed: Double?
            try await withAdmin(controller) { client in
                try await put(["a": 2, "b": 1], client)
                try await eventually("the first deploy is done") {
                    let both = [try await revisions("a", client), try await revisions("b", client)]
                    return both == [[1], [1]]
                }
                try await put(["a": 3, "b": 1], client)
                try await eventually("the second deploy is done") { try await revisions("a", client) == [2, 1] }
                let details = try await client.json("/api/serve/applications/")["applications"] as? [String: Any]
                deployed = (details?["a"] as? [String: Any])?["last_deployed_time_s"] as? Double
            }
            try await withAdmin(controller) { client in
                #expect(try await revisions("a", client) == [2, 1])
                let config = try await times("a", client)
                #expect(config == 3)
                let details = try await client.json("/api/serve/applications/")["applications"] as? [String: Any]
                let after = (details?["a"] as? [String: Any])?["last_deployed_time_s"] as? Double
                let (first, second) = (try #require(deployed), try #require(after))
                #expect(abs(first - second) < 0.1)

                let back = try await client.send("POST", "/api/v1/applications/a/rollback")
                #expect(back.status == 202, "\(back.text)")
                try await eventually("the first configuration answers") {
                    try await fetch("/a", port: client.instance.port).text == "HELLO HELLO!"
                }
                try await eventually("a third revision") { try await revisions("a", client) == [3, 2, 1] }
                #expect(try await times("a", client) == 2)
            }
            try await withAdmin(controller) { client in
                #expect(try await times("a", client) == 2)
                // One that names only the other application deletes it, although an earlier instance deployed it.
                try await put(["b": 1], client)
                try await eventually("it is gone") { await client.instance.status().applications["a"] == nil }
            }
            try await withAdmin(controller) { client in
                let gone = try await client.send("GET", "/api/v1/applications/a/revisions")
                #expect(gone.status == 404)
                // The same specification again each time.
                let others = try await revisions("b", client)
                #expect(others == [3, 2, 1])
            }
        }

        @Test func `an application that a program runs over a configuration has none any more`() async throws {
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await withAdmin { client in
                try await put(["a": 2], client)
                try await eventually("it is deployed") { try await revisions("a", client) == [1] }
                try await client.instance.run(Model.bind(version: 1), name: "a", routePrefix: nil)
                #expect(try await times("a", client) == nil)
                // So the next configuration does not delete it.
                try await put(["b": 1], client)
                try await eventually("it is deployed") { try await revisions("b", client) == [1] }
                #expect(await client.instance.status().applications["a"]?.state == .running)
                // Going back to the configuration brings its configuration back.
                let back = try await client.send("POST", "/api/v1/applications/a/rollback")
                #expect(back.status == 202, "\(back.text)")
                try await eventually("a third revision") { try await revisions("a", client) == [3, 2, 1] }
                #expect(try await times("a", client) == 2)
            }
        }

        private func userConfig(_ client: AdminClient, hasToken: Bool = true) async throws -> [String: Any]? {
            var headers = [("host", "127.0.0.1")]
            if hasToken { headers.append(("authorization", "Bearer \(client.token)")) }
            let details = object(try await client.send("GET", "/api/serve/applications/", headers: headers))
            let applications = details?["applications"] as? [String: [String: Any]]
            let deployments = applications?["tuned"]?["deployments"] as? [String: [String: Any]]
            return (deployments?["Tunable"]?["deployment_config"] as? [String: Any])?["user_config"] as? [String: Any]
        }

        @Test(arguments: [ServeOptions.ControllerPlacement.embedded, .separate])
        func `a user configuration that a program gives is shown to who has the token, also after a restart`(
            _ controller: ServeOptions.ControllerPlacement
        ) async throws {
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await withAdmin(controller) { client in
                let bound = Tunable.bind().userConfig(.init(factor: 3))
                try await client.instance.run(bound, name: "tuned", routePrefix: nil)
                #expect(try await userConfig(client)?["factor"] as? Int == 3)
                #expect(try await userConfig(client, hasToken: false)?["factor"] as? String == "<hidden>")
                try await client.instance.run(
                    Tunable.bind().userConfig(.init(factor: 4)),
                    name: "tuned",
                    routePrefix: nil
                )
            }
            try await withAdmin(controller) { client in
                #expect(try await userConfig(client)?["factor"] as? Int == 4)
                try await client.instance.run(Tunable.bind(), name: "tuned", routePrefix: nil)
                #expect(try await userConfig(client) == nil)
            }
        }

        @Test func `a revision whose executable is gone is refused with what to do`() async throws {
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await withAdmin { client in
                try await put(["a": 2], client)
                try await eventually("it is deployed") { try await revisions("a", client) == [1] }
                try await client.instance.run(Model.bind(version: 1), name: "a", routePrefix: nil)
                let executables = "\(folder)/executables"
                for name in try FileManager.default.contentsOfDirectory(atPath: executables)
                where name.hasPrefix("program-") {
                    try FileManager.default.removeItem(atPath: "\(executables)/\(name)")
                }
                let back = try await client.send("POST", "/api/v1/applications/a/rollback")
                #expect(back.status == 409 && code(back) == "executable_not_kept", "\(back.text)")
                #expect(back.text.contains("deploy it from that program again"))
            }
        }
    }
}
