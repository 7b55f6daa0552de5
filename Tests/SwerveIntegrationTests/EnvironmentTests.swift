import Foundation
import Swerve
import SwerveActors
import SwerveConfig
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// What replicas' processes run in.
    @Suite struct Environments {
        private static let program = Program.product("entry-application").path()
        private static let secret = "TEST_SECRET_OF_THE_INSTANCE"

        init() {
            setenv(Self.secret, "hush", 0)
        }

        private func withFolder(_ body: (String) async throws -> Void) async throws {
            try await withTemporaryFolder { folder in
                try "hello".write(toFile: "\(folder)/greeting.txt", atomically: true, encoding: .utf8)
                try await body(folder)
            }
        }

        private func withSurveyor(
            _ environment: RuntimeEnvironment?,
            application: RuntimeEnvironment? = nil,
            _ body: (Surveyor, String) async throws -> Void
        ) async throws {
            let name = Instance.newName()
            let bound = Surveyor.options(runtimeEnvironment: environment).bind()
            let surveyor = try await instance.run(bound, name: name, routePrefix: nil, runtimeEnvironment: application)
            do {
                try await body(surveyor, name)
            } catch {
                try? await instance.delete(name)
                throw error
            }
            try await instance.delete(name)
        }

        private func refusal(
            _ environment: RuntimeEnvironment,
            placement: DeploymentOptions.Placement = .process
        ) async -> ServeError? {
            let bound = Surveyor.options(runtimeEnvironment: environment, placement: placement).bind()
            return await #expect(throws: ServeError.self) {
                try await instance.run(bound, name: Instance.newName(), routePrefix: nil)
            }
        }

        private func replicas(_ name: String, _ deployment: String = "Surveyor") async -> [ReplicaStatus] {
            await instance.status().applications[name]?.deployments[deployment]?.replicas ?? []
        }

        private func link(_ process: Int32?, _ name: String) throws -> String {
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(try #require(process))/\(name)")
        }

        private func variables(_ process: Int32?) throws -> Set<String> {
            let data = try Data(contentsOf: URL(filePath: "/proc/\(try #require(process))/environ"))
            return Set(String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init))
        }

        // MARK: Working directories

        @Test func `replicas start in a copy of the folder, which stays as it was deployed`() async throws {
            try await withFolder { folder in
                let environment = RuntimeEnvironment(workingDirectory: folder)
                try await withSurveyor(environment) { surveyor, name in
                    #expect(try await surveyor.file("greeting.txt") == "hello")
                    let copy = try await surveyor.folder()
                    #expect(copy != folder && copy.contains("/working-directories/"))
                    #expect(try await surveyor.variable("PWD") == copy)
                    try FileManager.default.removeItem(atPath: folder)
                    let victim = try #require(await replicas(name).first)
                    kill(try #require(victim.processID), SIGKILL)
                    try await eventually("the replica is gone") {
                        await !replicas(name).contains { $0.id == victim.id }
                    }
                    try await eventuallyHealthy(name)
                    #expect(try await surveyor.file("greeting.txt") == "hello")
                }
            }
        }

        @Test func `a changed folder is a rollout, and the same content none`() async throws {
            try await withFolder { folder in
                let environment = RuntimeEnvironment(workingDirectory: folder)
                try await withSurveyor(environment) { surveyor, name in
                    let bound = Surveyor.options(runtimeEnvironment: environment).bind()
                    let same = try await instance.plan(bound, name: name, routePrefix: nil)
                    #expect(same.changes.map(\.action) == [.unchanged])
                    let first = await replicas(name).map(\.id)
                    try await instance.run(bound, name: name, routePrefix: nil)
                    #expect(await replicas(name).map(\.id) == first)
                    try "changed".write(toFile: "\(folder)/greeting.txt", atomically: true, encoding: .utf8)
                    let plan = try await instance.plan(bound, name: name, routePrefix: nil)
                    #expect(plan.changes.map(\.action) == [.replace])
                    #expect(plan.changes.first?.fields.map(\.name) == ["working directory"])
                    try await instance.run(bound, name: name, routePrefix: nil)
                    #expect(try await surveyor.file("greeting.txt") == "changed")
                }
            }
        }

        @Test func `what is left out is not in the copy, and its changes change nothing`() async throws {
            try await withFolder { folder in
                let data = "\(folder)/data"
                try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
                try FileManager.default.createSymbolicLink(atPath: "\(data)/out", withDestinationPath: "/etc")
                try "notes".write(toFile: "\(folder)/notes.txt", atomically: true, encoding: .utf8)
                let environment = RuntimeEnvironment(
                    workingDirectory: folder,
                    excludes: ["/data/", "*.txt", "!greeting.txt"]
                )
                try await withSurveyor(environment) { surveyor, name in
                    let copy = try await surveyor.folder()
                    #expect(try FileManager.default.contentsOfDirectory(atPath: copy) == ["greeting.txt"])
                    try "changed".write(toFile: "\(folder)/notes.txt", atomically: true, encoding: .utf8)
                    let bound = Surveyor.options(runtimeEnvironment: environment).bind()
                    let same = try await instance.plan(bound, name: name, routePrefix: nil)
                    #expect(same.changes.map(\.action) == [.unchanged])
                    // Other patterns are another content.
                    let more = RuntimeEnvironment(workingDirectory: folder, excludes: ["/data/"])
                    let other = Surveyor.options(runtimeEnvironment: more).bind()
                    let plan = try await instance.plan(other, name: name, routePrefix: nil)
                    #expect(plan.changes.first?.fields.map(\.name) == ["working directory"])
                }
                let alone = await refusal(RuntimeEnvironment(excludes: ["/data/"]))
                #expect(alone?.message.contains("there is no working directory") == true)
            }
        }

        @Test func `a folder of a configuration, also as a ZIP file, is where the replicas start`() async throws {
            try await withFolder { folder in
                let name = Instance.newName()
                var wanted = DescribeRequest.Wanted("shouting")
                wanted.name = name
                let spec = try await instance.describe(Self.program, wanted)
                try "".write(toFile: "\(folder)/a.log", atomically: true, encoding: .utf8)
                let zip = "\(folder).zip"
                let python = Process()
                python.executableURL = URL(filePath: "/usr/bin/env")
                python.arguments = [
                    "python3", "-c", "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[1])", folder,
                ]
                try python.run()
                python.waitUntilExit()
                defer { try? FileManager.default.removeItem(atPath: zip) }
                let yaml = """
                    applications:
                    - name: \(name)
                      import_path: x:shouting
                      runtime_env: {working_dir: \(folder), excludes: ["*.log"]}
                      deployments:
                      - name: Voice
                        ray_actor_options: {runtime_env: {working_dir: "file://\(zip)", excludes: [a.log]}}
                    """
                try await instance.deploy(try ServeConfig.parse(yaml).config.applications[0].applied(to: spec))
                // Both have the same content, and share a copy.
                let shouter = try link(await replicas(name, "Shouter").first?.processID, "cwd")
                #expect(shouter.contains("/working-directories/"))
                #expect(try link(await replicas(name, "Voice").first?.processID, "cwd") == shouter)
                #expect(try String(contentsOfFile: "\(shouter)/greeting.txt", encoding: .utf8) == "hello")
                try await instance.delete(name)
            }
        }

        @Test func `a folder that is not there, and one that leads out of itself, are refused at the deploy`()
            async throws
        {
            let missing = await refusal(RuntimeEnvironment(workingDirectory: "/nonexistent"))
            #expect(missing?.code == .notFound)
            #expect(missing?.deployment?.deployment == "Surveyor")
            try await withFolder { folder in
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/out", withDestinationPath: "../..")
                let error = await refusal(RuntimeEnvironment(workingDirectory: folder))
                #expect(error?.code == .invalidOptions)
                #expect(error?.message.contains("'out' is a link to '../..', which leads out") == true)
            }
        }

        @Test func `a copy that is gone is the reason in the replica's failure`() async throws {
            try await withFolder { folder in
                try await withSurveyor(RuntimeEnvironment(workingDirectory: folder)) { surveyor, name in
                    let copy = try await surveyor.folder()
                    try FileManager.default.moveItem(atPath: copy, toPath: "\(copy).gone")
                    kill(try #require(await replicas(name).first?.processID), SIGKILL)
                    try await eventually("the status says what is missing") {
                        let deployment = await instance.status().applications[name]?.deployments["Surveyor"]
                        return "\(String(describing: deployment))".contains("is not kept any more")
                    }
                    try FileManager.default.moveItem(atPath: "\(copy).gone", toPath: copy)
                    try await eventuallyHealthy(name)
                }
            }
        }

        // MARK: Variables

        @Test func `a deployment's variables come on top of the application's, and are not those of others`()
            async throws
        {
            let name = Instance.newName()
            let bound = Surveyor.options(runtimeEnvironment: RuntimeEnvironment(variables: ["TELL_B": "own"])).bind(
                next: Surveyor.options(
                    name: "Other",
                    runtimeEnvironment: RuntimeEnvironment(variables: ["TELL_C": "other"])
                )
                .bind()
            )
            let application = RuntimeEnvironment(variables: ["TELL_A": "all", "TELL_B": "all"])
            let surveyor = try await instance.run(bound, name: name, routePrefix: nil, runtimeEnvironment: application)
            func all(_ read: (String) async throws -> String?) async throws -> [String?] {
                [try await read("TELL_A"), try await read("TELL_B"), try await read("TELL_C")]
            }
            #expect(try await all { try await surveyor.variable($0) } == ["all", "own", nil])
            #expect(try await all { try await surveyor.variableOfNext($0) } == ["all", "all", "other"])
            #expect(getenv("TELL_A") == nil)
            try await instance.delete(name)
        }

        @Test func `the program's own replicas inherit its variables, or only what they say`() async throws {
            func seen(_ environment: RuntimeEnvironment?) async throws -> [Bool] {
                var seen: [Bool] = []
                try await withSurveyor(environment) { surveyor, _ in
                    seen.append(try await surveyor.variable(Self.secret) == "hush")
                    seen.append(try await surveyor.variable("PATH") != nil)
                }
                return seen
            }
            #expect(try await seen(nil) == [true, true])
            #expect(try await seen(RuntimeEnvironment(inherits: .base)) == [false, true])
            #expect(try await seen(RuntimeEnvironment(inherits: .only(["TEST_SECRET_*"]))) == [true, false])
        }

        @Test func `replicas of other programs see no secrets of the instance, unless who deploys them says so`()
            async throws
        {
            func deploy(_ environment: RuntimeEnvironment?) async throws -> Set<String> {
                let name = Instance.newName()
                try await instance.deploy(
                    ProgramApplication(
                        executable: Self.program,
                        application: "Counting",
                        name: name,
                        runtimeEnvironment: environment
                    )
                )
                let found = try variables(await replicas(name, "Counter").first?.processID)
                try await instance.delete(name)
                return found
            }
            let plain = try await deploy(nil)
            #expect(!plain.contains("\(Self.secret)=hush"))
            #expect(plain.contains { $0.hasPrefix("PATH=") })
            #expect(
                try await deploy(RuntimeEnvironment(inherits: .base(and: [Self.secret]))).contains(
                    "\(Self.secret)=hush"
                )
            )
        }

        @Test func `a program that describes its applications sees no secrets, and starts in the folder`() async throws
        {
            try await withFolder { folder in
                let script = "\(folder)/program"
                try """
                #!/bin/sh
                { env; pwd; cat greeting.txt; } > '\(folder).seen'
                exit 3

                """.write(toFile: script, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
                let program = ProgramApplication(
                    executable: script,
                    runtimeEnvironment: RuntimeEnvironment(variables: ["TELL_A": "a"], workingDirectory: folder)
                )
                await #expect(throws: ServeError.self) { try await instance.deploy(program) }
                let seen = try String(contentsOfFile: "\(folder).seen", encoding: .utf8)
                try? FileManager.default.removeItem(atPath: "\(folder).seen")
                #expect(!seen.contains(Self.secret))
                #expect(seen.contains("TELL_A=a\n"))
                #expect(seen.contains("\nPATH=") || seen.hasPrefix("PATH="))
                #expect(seen.hasSuffix("hello"))
            }
        }

        // MARK: Limits and refusals

        @Test func `limits hold for the replica's process`() async throws {
            try await withSurveyor(RuntimeEnvironment(limits: ProcessLimits(openFiles: 100))) { surveyor, _ in
                let limit = try await surveyor.openFiles()
                #expect(limit == 100)
            }
        }

        @Test func `what no process can have is refused, with the deployment's name`() async {
            #expect(
                await refusal(RuntimeEnvironment(variables: ["A=B": "1"]))?.message
                    == "deployment 'Surveyor': 'A=B' cannot be the name of an environment variable"
            )
            #expect(
                await refusal(RuntimeEnvironment(variables: ["SWERVE_WORKER": ""]))?.message.contains("reserved")
                    == true
            )
            #expect(await refusal(RuntimeEnvironment(limits: ProcessLimits(openFiles: 3)))?.code == .invalidOptions)
        }

        @Test func `replicas in the instance's process cannot have an environment`() async {
            for environment in [
                RuntimeEnvironment(variables: ["A": "1"]), RuntimeEnvironment(workingDirectory: "/tmp"),
            ] {
                let error = await refusal(environment, placement: .inProcess)
                #expect(error?.code == .invalidOptions)
                #expect(error?.message.contains("which has one environment for all") == true)
            }
            let bound = Surveyor.options(placement: .inProcess).bind()
            let error = await #expect(throws: ServeError.self) {
                try await instance.run(
                    bound,
                    name: Instance.newName(),
                    runtimeEnvironment: RuntimeEnvironment(variables: ["A": "1"])
                )
            }
            #expect(error?.code == .invalidOptions)
        }
    }
}
