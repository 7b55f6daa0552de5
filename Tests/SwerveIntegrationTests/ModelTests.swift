import Foundation
import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct Models {
        /// Runs ``ModelServer``.
        private func withModels(
            _ placement: DeploymentOptions.Placement,
            numReplicas: Int = 1,
            maxOngoingRequests: Int = 100,
            _ body: (ModelServer, Journal, String) async throws -> Void
        ) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: placement).bind()
            let bound = ModelServer.options(
                numReplicas: numReplicas,
                maxOngoingRequests: maxOngoingRequests,
                placement: placement
            ).bind(journal: journal)
            try await withApplication(bound, routePrefix: "/") { handle, name in
                try await eventuallyHealthy(name)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                try await body(handle, journal, name)
            }
        }

        private func loads(_ journal: Journal, _ model: String) async throws -> [String] {
            try await journal.all().filter { $0.hasPrefix("loading \(model) ") }
        }

        private func models(of name: String) async -> [[String]] {
            let status = await instance.status().applications[name]?.deployments["ModelServer"]
            return (status?.replicas ?? []).map { ($0.models?.models ?? []).filter { $0.state == .loaded }.map(\.id) }
        }

        @Test("The header says which model a request is for", arguments: placements)
        func header(placement: DeploymentOptions.Placement) async throws {
            try await withModels(placement) { handle, journal, name in
                for (header, model) in [("serve-multiplexed-model-id", "a"), ("serve_multiplexed_model_id", "b")] {
                    let answer = try await fetch("/", headers: [header: model])
                    #expect(answer.status == 200)
                    #expect(answer.text.hasPrefix("\(model) in "))
                }
                #expect(try await handle.options(modelID: "c").ask().hasPrefix("c in "))
                try await eventually("the status has the models that are left") {
                    let models = await models(of: name).first ?? []
                    return models.count == 2 && models.contains("c")
                }
                let counters = try await handle.counters()
                #expect(counters.loads == 3)
                #expect(counters.evictions == 1)
            }
        }

        @Test("A request without a model, and one for a model that does not exist, get errors of their own")
        func errors() async throws {
            try await withModels(.process) { handle, _, _ in
                let missing = try await fetch("/")
                #expect(missing.status == 400)
                #expect(missing.text.contains("serve-multiplexed-model-id"))
                for (model, status) in [("none", 404), ("bad", 500)] {
                    let answer = try await fetch("/", headers: ["serve-multiplexed-model-id": model])
                    #expect(answer.status == status)
                }
                let noID = await #expect(throws: ServeError.self) { try await handle.ask() }
                #expect(noID?.code == .missingModelID)
                let none = await #expect(throws: ServeError.self) { try await handle.options(modelID: "none").ask() }
                #expect(none?.code == .modelNotFound)
                await #expect(throws: Refused(reason: "bad", code: 7)) {
                    try await handle.options(modelID: "bad").ask()
                }
            }
        }

        @Test("Twenty requests at once load a model once, in one of three replicas", arguments: placements)
        func oneLoad(placement: DeploymentOptions.Placement) async throws {
            try await withModels(placement, numReplicas: 3) { handle, journal, _ in
                let model = handle.options(modelID: "slow")
                let calls = (0..<20).map { _ in Task { try await model.ask() } }
                try await journal.wait(for: "loading slow")
                try await eventually("all are on their way") { handle.load.ongoing == 20 }
                try await journal.note("open slow")
                var answers: Set<String> = []
                for call in calls { answers.insert(try await call.value) }
                #expect(answers.count == 1)
                #expect(try await loads(journal, "slow").count == 1)
            }
        }

        @Test("Requests for a model go to the replica that has it", arguments: placements)
        func sameReplica(placement: DeploymentOptions.Placement) async throws {
            try await withModels(placement, numReplicas: 3) { handle, journal, name in
                for _ in 0..<10 {
                    for model in ["a", "b", "c", "d", "e"] { _ = try await handle.options(modelID: model).ask() }
                }
                for model in ["a", "b", "c", "d", "e"] { #expect(try await loads(journal, model).count == 1) }
                try await eventually("the status has each model once") {
                    await models(of: name).flatMap { $0 }.sorted() == ["a", "b", "c", "d", "e"]
                }
            }
        }

        @Test("A model whose replica has no room for requests is loaded by another", arguments: placements)
        func hot(placement: DeploymentOptions.Placement) async throws {
            try await withModels(placement, numReplicas: 2, maxOngoingRequests: 4) { handle, journal, name in
                let model = handle.options(modelID: "hot")
                let calls = (0..<5).map { number in Task { try await model.use("\(number)") } }
                for number in 0..<5 { try await journal.wait(for: "\(number) uses hot") }
                try await eventually("both have it") { await models(of: name) == [["hot"], ["hot"]] }
                for number in 0..<5 { try await journal.note("release \(number)") }
                var answers: Set<String> = []
                for call in calls { answers.insert(try await call.value) }
                #expect(answers.count == 2)
            }
        }

        @Test("A model stays while a request uses it", arguments: placements)
        func held(placement: DeploymentOptions.Placement) async throws {
            try await withModels(placement) { handle, journal, name in
                let users = ["a", "b"].map { model in Task { try await handle.options(modelID: model).use(model) } }
                for model in ["a", "b"] { try await journal.wait(for: "\(model) uses \(model)") }
                let third = Task { try await handle.options(modelID: "c").ask() }
                try await eventually("it waits") { try await handle.counters().misses == 3 }
                #expect(try await loads(journal, "c").isEmpty)
                try await journal.note("release b")
                #expect(try await third.value.hasPrefix("c in "))
                #expect(try await users[1].value.hasPrefix("b in "))
                try await eventually("b made room") { await models(of: name) == [["a", "c"]] }
                try await journal.note("release a")
                #expect(try await users[0].value.hasPrefix("a in "))
            }
        }

        @Test("Calls for different models never share a batch", arguments: placements)
        func batches(placement: DeploymentOptions.Placement) async throws {
            try await withModels(placement) { handle, _, _ in
                let calls = (0..<8).map { number in
                    Task { try await handle.options(modelID: number % 2 == 0 ? "a" : "b").batched(number) }
                }
                for (number, call) in calls.enumerated() {
                    let model = number % 2 == 0 ? "a" : "b"
                    let answer = try await call.value
                    #expect(answer == "\(number) by \(model)")
                }
            }
        }
    }
}

/// What several processes know about each other's models, and a controller about their batches.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ModelProcessTests {
    @Test("Proxies in processes of their own send requests for a model to one replica")
    func proxies() async throws {
        var options = ServeOptions.testing
        options.proxies = 3
        try await withTestInstance(placement: .process, options: options) { instance in
            let bound = ModelServer.options(numReplicas: 3).bind(
                journal: Journal.options(maxOngoingRequests: 1000).bind()
            )
            try await instance.run(bound, name: "a")
            let port = try #require(await instance.port)
            var answers: [String: Set<String>] = [:]
            for round in 0..<60 {
                let model = ["x", "y", "z"][round % 3]
                let answer = try await fetch("/", headers: ["serve-multiplexed-model-id": model], port: port)
                #expect(answer.status == 200)
                answers[model, default: []].insert(answer.text)
            }
            #expect(answers.mapValues(\.count) == ["x": 1, "y": 1, "z": 1])
            var replicas: Set<Substring> = []
            for texts in answers.values {
                for text in texts { replicas.formUnion(text.split(separator: " ").suffix(1)) }
            }
            #expect(replicas.count == 3)
        }
    }

    @Test("A separate controller knows the models and counts the batches, also one that takes over")
    func separateController() async throws {
        var options = ServeOptions.testing
        options.controller = .separate
        try await withTestInstance(placement: .process, options: options) { instance in
            let bound = ModelServer.bind(journal: Journal.options(maxOngoingRequests: 1000).bind())
            let handle = try await instance.run(bound, name: "a")
            #expect(try await handle.options(modelID: "x").ask().hasPrefix("x in "))
            func models() async -> [String] {
                let status = await instance.status().applications["a"]?.deployments["ModelServer"]
                return status?.replicas.first?.models?.models.map(\.id) ?? []
            }
            try await eventually("the status has the model") { await models() == ["x"] }
            #expect(try await handle.options(modelID: "x").batched(1) == "1 by x")
            func batches() async -> Int? {
                await instance.status().applications["a"]?.deployments["ModelServer"]?.batches.values.first?.items
            }
            try await eventually("the status counts the batch") { await batches() == 1 }
            let before = try #require(await instance.controllerProcessID)
            kill(before, SIGKILL)
            try await eventually("another controller has taken over") {
                let present = await instance.controllerProcessID
                return present != nil && present != before
            }
            try await eventually("the status has the model") { await models() == ["x"] }
            try await eventually("the status counts the batch") { await batches() == 1 }
        }
    }
}
