import Foundation
import Swerve
import SwerveActors
import SwerveConfig
import SwerveRuntime
import TestSupport
import Testing

extension IntegrationTests {
    /// Applications of another executable, `entry-application`.
    @Suite struct ProgramApplications {
        private static let executable = Program.product("entry-application").path()

        private func withShouting(
            _ arguments: [String: String] = [:],
            _ body: (String) async throws -> Void
        ) async throws {
            let name = Instance.newName()
            try await instance.deploy(
                ProgramApplication(
                    executable: Self.executable,
                    application: "shouting",
                    arguments: arguments,
                    name: name,
                    routePrefix: "/\(name)"
                )
            )
            do {
                try await body(name)
            } catch {
                try? await instance.delete(name)
                throw error
            }
            try await instance.delete(name)
        }

        private func refusal(_ change: (inout ProgramApplication) -> Void) async -> ServeError? {
            var program = ProgramApplication(executable: Self.executable, application: "shouting")
            change(&program)
            let wanted = program
            return await #expect(throws: ServeError.self) { try await instance.deploy(wanted) }
        }

        @Test func `it answers, in processes of the other executable`() async throws {
            try await withShouting { name in
                #expect(try await fetch("/\(name)").text == "HELLO!")
                let replicas = await instance.status().applications[name]?.deployments["Shouter"]?.replicas ?? []
                #expect(replicas.count == 2)
                for replica in replicas {
                    let process = try #require(replica.processID)
                    let path = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
                    #expect(path.contains("/executables/program-"))
                }
            }
        }

        @Test func `what its code counts is in the instance's metrics, with the replica's labels`() async throws {
            try await withShouting { name in
                for _ in 0..<5 { _ = try await fetch("/\(name)") }
                let text = try #require(await instance.metricsText())
                let lines = text.split(separator: "\n").filter { $0.hasPrefix("shouts_total{application=\"\(name)\"") }
                #expect(lines.compactMap { Int($0.split(separator: " ").last ?? "") }.reduce(0, +) == 5)
                for line in lines { #expect(line.contains(#"deployment="Shouter",replica="\#(name)/Shouter#"#)) }
            }
        }

        @Test func `texts become the types of its arguments`() async throws {
            let arguments = ["times": "2", "loud": "false", "text": "3", "words": #"["a","b"]"#]
            try await withShouting(arguments) { name in
                let text = try await fetch("/\(name)").text
                #expect(text == "3 a b 3 a b")
            }
        }

        @Test func `a replica that is killed is replaced from the kept copy`() async throws {
            try await withShouting { name in
                func shouters() async -> [ReplicaStatus] {
                    await instance.status().applications[name]?.deployments["Shouter"]?.replicas ?? []
                }
                let victim = try #require(await shouters().first)
                kill(try #require(victim.processID), SIGKILL)
                try await eventually("the replica is gone") { await !shouters().contains { $0.id == victim.id } }
                try await eventuallyHealthy(name)
                #expect(try await fetch("/\(name)").text == "HELLO!")
            }
        }

        @Test func `a user configuration arrives in the deployment's own type`() async throws {
            var wanted = DescribeRequest.Wanted("shouting")
            wanted.name = Instance.newName()
            wanted.userConfigs = ["Shouter": .object(["suffix": .string("?")])]
            let name = try #require(wanted.name)
            try await instance.deploy(try await instance.describe(Self.executable, wanted))
            #expect(try await fetch("/shout").text == "HELLO!?")
            try await instance.delete(name)
        }

        @Test func `a user configuration of another shape is refused`() async throws {
            var wanted = DescribeRequest.Wanted("shouting")
            wanted.userConfigs = ["Shouter": .object(["sufix": .string("?")])]
            let refused = wanted
            let error = await #expect(throws: ServeError.self) {
                try await instance.describe(Self.executable, refused)
            }
            #expect(error?.message == "user configuration of 'Shouter': suffix: the field is missing")
        }

        @Test func `an unknown argument is refused with the nearest name`() async throws {
            let error = await refusal { $0.arguments = ["tmies": "2"] }
            #expect(error?.code == .invalidOptions)
            #expect(error?.message.hasSuffix("has no argument 'tmies'; did you mean 'times'?") == true)
        }

        @Test func `an argument of another type is refused with its name`() async throws {
            let error = await refusal { $0.arguments = ["times": "two"] }
            #expect(error?.message == "argument of shouting: times: expected Int")
        }

        @Test func `an error of the application itself arrives`() async throws {
            let error = await refusal { $0.arguments = ["times": "0"] }
            #expect(error?.code == .startFailed)
            #expect(error?.message == "Impossible: Impossible(times: 0)")
        }

        @Test func `an unknown application is refused with those that there are`() async throws {
            #expect(await refusal { $0.application = "shuting" }?.message.hasSuffix("did you mean 'shouting'?") == true)
            let unnamed = await refusal { $0.application = nil }
            #expect(unnamed?.code == .notFound)
            #expect(unnamed?.message.hasSuffix("name one of: shouting, Counting, Homely") == true)
        }

        @Test func `what only a process of the program itself can do is refused`() async throws {
            let homely = await refusal { $0.application = "Homely" }
            #expect(homely?.code == .invalidOptions)
            #expect(homely?.message.contains("runs in the instance's own process") == true)
        }

        @Test func `what build writes says the same as the program`() async throws {
            let name = Instance.newName()
            let file = FileManager.default.temporaryDirectory.appending(path: "\(name).yaml").path()
            defer { try? FileManager.default.removeItem(atPath: file) }
            let words = ["build", "--application", "shouting", "--name", name, "--output", file, "times=2"]
            let program = try Program(Program.product("entry-application"), words)
            #expect(await program.exitStatus() == 0)
            let config = try ServeConfig.parse(String(contentsOfFile: file, encoding: .utf8)).config.applications[0]
            #expect("\(config.importPath)" == "\(Self.executable):shouting")
            var wanted = DescribeRequest.Wanted(config.importPath.application)
            wanted.name = name
            wanted.arguments = ApplicationArguments(try #require(config.args))
            let spec = try await instance.describe(Self.executable, wanted)
            #expect(try config.applied(to: spec) == spec)
        }

        @Test func `variables of a configuration are those of the replicas, and not of others`() async throws {
            let name = Instance.newName()
            var wanted = DescribeRequest.Wanted("shouting")
            wanted.name = name
            let spec = try await instance.describe(Self.executable, wanted)
            let yaml = """
                applications:
                - name: \(name)
                  import_path: x:shouting
                  runtime_env: {env_vars: {SHOUT_A: "1", SHOUT_B: "2"}}
                  deployments: [{name: Voice, runtime_env: {env_vars: {SHOUT_B: "3"}}}]
                """
            try await instance.deploy(try ServeConfig.parse(yaml).config.applications[0].applied(to: spec))
            let deployments = try #require(await instance.status().applications[name]?.deployments)
            func variables(_ deployment: String) throws -> [Substring] {
                let process = try #require(deployments[deployment]?.replicas.first?.processID)
                let data = try Data(contentsOf: URL(filePath: "/proc/\(process)/environ"))
                return String(decoding: data, as: UTF8.self).split(separator: "\0").filter { $0.hasPrefix("SHOUT_") }
            }
            #expect(try variables("Shouter").sorted() == ["SHOUT_A=1", "SHOUT_B=2"])
            #expect(try variables("Voice").sorted() == ["SHOUT_A=1", "SHOUT_B=3"])
            try await instance.delete(name)
        }

        @Test func `two builds of a program run side by side`() async throws {
            try await withTemporaryFolder { folder in
                let other = URL(filePath: "\(folder)/other")
                try Program.write("entry-application", asBuild: 1, to: other)
                var builds: Set<String> = []
                var names: [String] = []
                for executable in [Self.executable, other.path()] {
                    let name = Instance.newName()
                    names.append(name)
                    try await instance.deploy(
                        ProgramApplication(
                            executable: executable,
                            application: "shouting",
                            name: name,
                            routePrefix: "/\(name)"
                        )
                    )
                }
                for name in names {
                    #expect(try await fetch("/\(name)").text == "HELLO!")
                    let deployments = try #require(await instance.status().applications[name]?.deployments)
                    let process = try #require(deployments["Voice"]?.replicas.first?.processID)
                    builds.insert(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe"))
                }
                #expect(builds.count == 2)
                for name in names { try await instance.delete(name) }
            }
        }

        @Test func `a program without applications says so`() async throws {
            let error = await refusal { $0.executable = Program.product("entry-top-level").path() }
            #expect(error?.code == .startFailed)
            #expect(error?.message.contains("declares no applications") == true)
        }

        @Test func `a file that is not there, and one that is no program, are refused`() async throws {
            #expect(await refusal { $0.executable = "/nonexistent" }?.code == .notFound)
            let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
            try Data("text".utf8).write(to: folder)
            defer { try? FileManager.default.removeItem(at: folder) }
            #expect(await refusal { $0.executable = folder.path() }?.code == .startFailed)
        }

        @Test func `a program lists its applications with their arguments and defaults`() async throws {
            let found = try await instance.applications(of: Self.executable)
            #expect(found.map(\.name) == ["shouting", "Counting", "Homely"])
            #expect(found.first?.arguments.map(\.name) == ["loud", "text", "times", "words"])
            #expect(found.first?.arguments.map(\.fallback?.json) == ["true", #""hello""#, "1", "[]"])
        }
    }
}
