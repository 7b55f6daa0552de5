import Foundation
import Swerve
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// Applications whose deployments run from different builds of a program.
    @Suite(.timeLimit(.minutes(5))) struct Executables {
        private static let executable = Program.product("entry-application").path()

        private func withAdmin(_ body: (AdminClient, String) async throws -> Void) async throws {
            var options = ServeOptions.testing
            options.admin = AdminOptions(port: 0)
            try await withTemporaryFolder { folder in
                let other = "\(folder)/other"
                try Program.write("entry-application", asBuild: 1, to: URL(filePath: other))
                try await AdminClient.with(options) { client in try await body(client, other) }
            }
        }

        private func put(_ deployments: String, _ client: AdminClient) async throws -> Answer {
            let text = #"""
                {"applications": [{"name": "a", "route_prefix": "/a", "import_path": "\#(Self.executable):shouting",
                  "args": {"text": "hi"}, "deployments": [\#(deployments)]}]}
                """#
            return try await client.send("PUT", "/api/serve/applications/", text)
        }

        /// The executables that the replicas of each deployment run from; nil stands for one that has no process now.
        private func programs(_ client: AdminClient) async -> [String: Set<String?>] {
            let deployments = await client.instance.status().applications["a"]?.deployments ?? [:]
            return deployments.mapValues { deployment in
                Set(
                    deployment.replicas.map { replica in
                        guard let process = replica.processID else { return nil }
                        return try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
                    }
                )
            }
        }

        private func eventuallyAnswers(_ text: String, _ client: AdminClient) async throws {
            try await eventually("the application answers \(text)") {
                guard await client.instance.status().applications["a"]?.state == .running else { return false }
                return try await fetch("/a", port: client.instance.port).text == text
            }
        }

        @Test func `deployments of one application run from two builds, and call each other`() async throws {
            try await withAdmin { client, other in
                let voice = #"{"name": "Voice", "runtime_env": {"executable": "\#(other)"}}"#
                let answer = try await put(voice, client)
                #expect(answer.status == 200, "\(answer.text)")
                try await eventuallyAnswers("HI!", client)
                let both = await programs(client)
                #expect(both["Shouter"]?.count == 1 && both["Voice"]?.count == 1)
                for path in both.values.joined() { #expect(path?.contains("/executables/program-") == true) }
                #expect(both["Shouter"] != both["Voice"])
                // The ingress from the other one, in Ray's words, with a user configuration that it decodes.
                let shouter = #"""
                    {"name": "Shouter", "user_config": {"suffix": "?"},
                      "ray_actor_options": {"runtime_env": {"executable": "\#(other)"}}}
                    """#
                #expect(try await put(shouter, client).status == 200)
                try await eventuallyAnswers("HI!?", client)
                try await eventually("the builds have changed places") {
                    let now = await programs(client)
                    return now["Shouter"] == both["Voice"] && now["Voice"] == both["Shouter"]
                }
                // The other one for all is one build again.
                #expect(try await put("\(voice), \(shouter)", client).status == 200)
                try await eventually("all run from the other build") {
                    let now = await programs(client)
                    return now["Shouter"] == both["Voice"] && now["Voice"] == both["Voice"]
                }
            }
        }

        @Test func `an executable without that application is refused with its name, and nothing changes`() async throws
        {
            try await withAdmin { client, _ in
                func refusal(_ executable: String) async throws -> String {
                    let voice = #"{"name": "Voice", "runtime_env": {"executable": "\#(executable)"}}"#
                    let answer = try await put(voice, client)
                    #expect((400..<500).contains(answer.status), "\(answer.text)")
                    return answer.text
                }
                let missing = try await refusal("/nonexistent")
                #expect(missing.contains("there is no executable '/nonexistent'"))
                let silent = try await refusal(Program.product("entry-top-level").path())
                #expect(silent.contains("declares no applications"))
                #expect(await client.instance.status().applications.isEmpty)
            }
        }
    }
}
