import Foundation
import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

/// Instances that go on where an earlier one ended, and controllers that go on where another one was lost.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RecoveryTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "swerve-state-\(UUID())").path()

    private func options(_ controller: ServeOptions.ControllerPlacement = .embedded, keeps: Bool = true) -> ServeOptions
    {
        var options = ServeOptions.testing
        options.controller = controller
        options.stateDirectory = keeps ? folder : nil
        return options
    }

    // MARK: The next instance

    @Test(arguments: [ServeOptions.ControllerPlacement.embedded, .separate])
    func `the next instance runs what the last one ran`(_ controller: ServeOptions.ControllerPlacement) async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await withTestInstance(options: options(controller)) { instance in
            try await instance.run(Model.options(numReplicas: 2).bind(version: 7), name: "kept", routePrefix: nil)
            try await instance.run(Model.bind(version: 8), name: "dropped", routePrefix: nil)
            try await instance.scale("Model", application: "kept", to: 3)
            try await instance.delete("dropped")
        }
        try await withTestInstance(options: options(controller)) { instance in
            try await instance.start()
            let status = try await instance.waitUntil("kept") { $0?.state == .running }
            #expect(status?.deployments["Model"]?.target.replicas == 3)
            #expect(await Array(instance.status().applications.keys) == ["kept"])
            let model = try await instance.applicationHandle("kept", as: Model.self)
            #expect(try await model.answer() == 7)
            // Running the same again changes nothing but the number of replicas.
            let replicas = status?.deployments["Model"]?.replicas.map(\.id) ?? []
            try await instance.run(Model.options(numReplicas: 2).bind(version: 7), name: "kept", routePrefix: nil)
            let after = try await instance.waitUntil("kept") { $0?.deployments["Model"]?.replicas.count == 2 }
            let left = after?.deployments["Model"]?.replicas.map(\.id) ?? []
            #expect(Set(left).isSubset(of: replicas))
        }
    }

    // MARK: A copy of a working directory that is gone

    /// Runs the model in a working directory, and returns the path of its copy.
    private func deployInFolder(_ instance: ServeInstance) async throws -> String {
        let source = "\(folder)-source"
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        try "hello".write(toFile: "\(source)/greeting.txt", atomically: true, encoding: .utf8)
        let bound = Model.options(runtimeEnvironment: RuntimeEnvironment(workingDirectory: source)).bind(version: 7)
        try await instance.run(bound, name: "a", routePrefix: nil)
        try await instance.waitUntilHealthy("a")
        let process = try #require(
            await instance.status().applications["a"]?.deployments["Model"]?.replicas.first?.processID
        )
        return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")
    }

    private func removeCopy(_ path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        try FileManager.default.removeItem(atPath: path)
    }

    private func removeFolders() {
        for path in [folder, "\(folder)-source"] {
            let copies = "\(path)/working-directories"
            for name in (try? FileManager.default.contentsOfDirectory(atPath: copies)) ?? [] {
                try? removeCopy("\(copies)/\(name)")
            }
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    @Test(arguments: [ServeOptions.ControllerPlacement.embedded, .separate])
    func `an application whose working directory is gone fails at the next start, and runs after the next deploy`(
        _ controller: ServeOptions.ControllerPlacement
    ) async throws {
        defer { removeFolders() }
        var copy = ""
        try await withTestInstance(options: options(controller)) { instance in
            copy = try await deployInFolder(instance)
            try await instance.run(Model.bind(version: 8), name: "other", routePrefix: nil)
        }
        try removeCopy(copy)
        try await withTestInstance(options: options(controller)) { instance in
            try await instance.start()
            try await instance.waitUntilHealthy("other")
            let status = try #require(await instance.status().applications["a"])
            #expect(status.state == .deployFailed)
            let digest = URL(filePath: copy).lastPathComponent
            #expect(
                status.message.contains(
                    "the working directory of 'Model', with the content \(digest.prefix(12)), is not kept any more; deploy "
                        + "the application again"
                )
            )
            // Nothing was started, and nothing is tried again.
            #expect(status.deployments["Model"]?.replicas == [])
            #expect(status.deployments["Model"]?.message.contains("attempt") == false)
            #expect(try await deployInFolder(instance) == copy)
            let model = try await instance.applicationHandle("a", as: Model.self)
            #expect(try await model.answer() == 7)
        }
    }

    @Test func `a controller that takes over replicas lets them run without the copy of their working directory`()
        async throws
    {
        defer { removeFolders() }
        try await withTestInstance(options: options(.separate)) { instance in
            try removeCopy(try await deployInFolder(instance))
            let before = await replicas(of: "a", instance)
            let victim = try await killController(of: instance, except: [])
            try await eventually("the next controller has taken over") {
                guard let process = await instance.controllerProcessID, process != victim else { return false }
                return await instance.status().applications["a"]?.state == .running
            }
            #expect(await replicas(of: "a", instance) == before)
            let model = try await instance.applicationHandle("a", as: Model.self)
            #expect(try await model.answer() == 7)
        }
    }

    @Test func `one instance at a time has a state directory`() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let options = options()
        try await withTestInstance(options: options) { first in
            try await first.start()
            try await withTestInstance(options: options) { second in
                let error = await #expect(throws: ServeError.self) { try await second.start() }
                #expect(error?.code == .stateInUse)
            }
        }
        try await withTestInstance(options: options) { third in try await third.start() }
    }

    @Test func `without a state directory nothing is kept`() async throws {
        for _ in 0..<2 {
            try await withTestInstance(options: options(.separate, keeps: false)) { instance in
                try await instance.start()
                #expect(await instance.status().applications.isEmpty)
                try await instance.run(Model.bind(version: 1), name: "gone", routePrefix: nil)
            }
        }
    }

    // MARK: The next controller

    @Test func `a controller that is killed is replaced, and no call and no replica notices`() async throws {
        try await withTestInstance(options: options(.separate, keeps: false)) { instance in
            let model = try await instance.run(
                Model.options(numReplicas: 2).bind(version: 5),
                name: "a",
                routePrefix: nil
            )
            try await instance.waitUntilHealthy("a")
            let before = await replicas(of: "a", instance)
            try await underLoad(model) {
                var known: Set<Int32> = []
                for _ in 0..<5 {
                    known.insert(try await killController(of: instance, except: known))
                    #expect(await replicas(of: "a", instance) == before)
                }
            }
            // The last one controls: it scales, replaces and deletes.
            try await instance.scale("Model", application: "a", to: 3)
            try await instance.waitUntil("a") { $0?.deployments["Model"]?.replicas.count == 3 && $0?.state == .running }
            #expect(Set(await replicas(of: "a", instance)).isSuperset(of: before))
            try await instance.delete("a")
            #expect(await instance.status().applications.isEmpty)
        }
    }

    @Test func `replicas in the instance's own process stay when the controller is killed`() async throws {
        try await withTestInstance(placement: .inProcess, options: options(.separate, keeps: false)) { instance in
            let model = try await instance.run(
                Model.options(numReplicas: 2).bind(version: 5),
                name: "a",
                routePrefix: nil
            )
            let before = await replicas(of: "a", instance)
            let victim = try await killController(of: instance, except: [])
            #expect(try await model.answer() == 5)
            _ = try await killController(of: instance, except: [victim])
            #expect(await replicas(of: "a", instance) == before)
            try await instance.delete("a")
            await #expect(throws: ServeError.self) { try await model.answer() }
        }
    }

    @Test func `a replica that dies while there is no controller is replaced by the next one`() async throws {
        try await withTestInstance(options: options(.separate, keeps: false)) { instance in
            let model = try await instance.run(
                Model.options(numReplicas: 2).bind(version: 5),
                name: "a",
                routePrefix: nil
            )
            let before = await replicas(of: "a", instance)
            let victim = try await model.processID()
            let controller = try #require(await instance.controllerProcessID)
            kill(controller, SIGKILL)
            kill(victim, SIGKILL)
            let status = try await instance.waitUntil("a") { status in
                let replicas = status?.deployments["Model"]?.replicas ?? []
                return status?.state == .running && replicas.count == 2 && replicas.map(\.id) != before
            }
            let left = Set(status?.deployments["Model"]?.replicas.map(\.id) ?? []).intersection(before)
            #expect(left.count == 1)
        }
    }

    @Test func `a controller that hangs is replaced`() async throws {
        var surroundings = Surroundings()
        surroundings.patience = .milliseconds(600)
        let instance = ServeInstance(options(.separate, keeps: false), surroundings)
        let model = try await instance.run(Model.bind(version: 5), name: "a", routePrefix: nil)
        let hung = try #require(await instance.controllerProcessID)
        kill(hung, SIGSTOP)
        try await eventually("it has stopped") {
            let status = try String(contentsOfFile: "/proc/\(hung)/stat", encoding: .utf8)
            return status[(status.lastIndex(of: ")") ?? status.startIndex)...].hasPrefix(") T")
        }
        // Asked of one that hangs, and answered by the next.
        try await instance.scale("Model", application: "a", to: 2)
        #expect(await instance.controllerProcessID != hung)
        try await instance.waitUntil("a") { $0?.deployments["Model"]?.replicas.count == 2 && $0?.state == .running }
        #expect(try await model.answer() == 5)
        await instance.shutdown()
    }

    @Test func `a deploy whose controller is lost ends as if it had not been`() async throws {
        try await withTestInstance(options: options(.separate, keeps: false)) { instance in
            try await instance.start()
            var known: Set<Int32> = []
            for version in 0..<5 {
                async let handle = instance.run(Model.bind(version: version), name: "a", routePrefix: nil)
                known.insert(try await killController(of: instance, except: known))
                #expect(try await handle.answer() == version)
            }
        }
    }

    // MARK: Programs

    @Test(arguments: ["embedded", "separate"])
    func `what a deploy has answered survives the kill of every process`(_ controller: String) async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try Program("entry-durable", folder, controller, "hello")
        #expect(try await first.line() == "deployed")
        _ = try await first.line()
        try await first.killAll()

        let second = try Program("entry-durable", folder, controller)
        let port = try #require(Int(try await second.line().dropFirst("port ".count)))
        try await eventually("the application answers") { await answerOfServer(at: port) == "hello" }
        try await second.killAll()
    }

    // MARK: Helpers

    private func replicas(of application: String, _ instance: ServeInstance) async -> [ReplicaID] {
        await instance.status().applications[application]?.deployments["Model"]?.replicas.map(\.id) ?? []
    }

    /// Kills the controller and waits until the next one answers.
    private func killController(of instance: ServeInstance, except known: Set<Int32>) async throws -> Int32 {
        var victim: Int32 = 0
        try await eventually("there is a controller that was not killed yet") {
            guard let process = await instance.controllerProcessID, !known.contains(process) else { return false }
            victim = process
            return true
        }
        kill(victim, SIGKILL)
        _ = await instance.status()
        return victim
    }

    /// Calls the model without pause while `body` runs; every call must be answered.
    private func underLoad(_ model: Model, _ body: () async throws -> Void) async throws {
        let isOver = Flag()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var calls = 0
                    while !isOver.isSet {
                        let answer = try await model.answer()
                        #expect(answer == 5)
                        calls += 1
                    }
                    return calls
                }
            }
            do {
                try await body()
            } catch {
                isOver.set()
                throw error
            }
            isOver.set()
            #expect(try await group.reduce(0, +) > 100)
        }
    }
}
