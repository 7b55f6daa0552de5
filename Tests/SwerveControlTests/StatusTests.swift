import SwerveControl
import SwerveCore
import Testing

@Suite("Status")
struct StatusTests {
    @Test("The status lists every replica and its process, and says what the application waits for")
    func deploying() throws {
        var bench = Bench()
        let web = deployment("web", 2)
        let model = deployment("model", 1)
        _ = try bench.deploy(application(web, model, prefix: "/shop"))
        _ = bench.report(.launched(processID: 41), r(1))
        _ = bench.report(.launched(processID: nil), r(1))
        _ = bench.report(.ready, r(1))
        let replicas = [
            ReplicaStatus(id: r(1), state: .running, processID: 41, startUp: StartUp(spawned: .zero, ready: .zero)),
            ReplicaStatus(id: r(2), state: .starting, processID: nil),
        ]
        #expect(bench.status()?.replicas.map(\.startUp.phase) == [.ready, .placing])
        let expected = ApplicationStatus(
            name: "shop",
            routePrefix: "/shop",
            state: .deploying,
            message: "deployment 'web': 1 of 2 replicas running; deployment 'model': 0 of 1 replicas running",
            deployments: [
                "web": DeploymentStatus(
                    id: id(),
                    state: .updating,
                    message: "",
                    target: Target(replicas: 2),
                    options: web.options,
                    replicas: replicas
                ),
                "model": DeploymentStatus(
                    id: id("model"),
                    state: .updating,
                    message: "",
                    target: Target(replicas: 1),
                    options: model.options,
                    replicas: [ReplicaStatus(id: r(3, "model"), state: .starting, processID: nil)]
                ),
            ]
        )
        #expect(bench.state.status() == ServeStatus(applications: ["shop": expected]))
    }

    @Test("The status shows the models that a replica says it has")
    func models() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 2)))
        #expect(bench.status()?.replicas.map(\.models) == [nil, nil])
        let models = ReplicaModels(maxModels: 3, models: [ModelStatus(id: "a", state: .loading)])
        #expect(bench.report(.modelsChanged(models), r(2)) == [])
        #expect(bench.status()?.replicas.map(\.models) == [nil, models])
    }

    @Test("The status shows what became of batched calls, by replica and for the deployment")
    func batches() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 3)))
        #expect(bench.status()?.replicas.map(\.batches) == [nil, nil, nil])
        #expect(bench.status()?.batches == [:])
        var (first, second) = (BatchCounters(), BatchCounters())
        first.closed(.full, items: 4, repetitions: 0)
        first.wasCancelled()
        for reason: BatchReason in [.waited, .alone, .deadline, .shutdown] {
            second.closed(reason, items: 2, repetitions: 1)
        }
        second.hasExpired()
        #expect(bench.report(.batchesChanged(["run(batch:)": first, "other(batch:)": first]), r(1)) == [])
        #expect(bench.report(.batchesChanged(["run(batch:)": second]), r(3)) == [])
        #expect(
            bench.status()?.replicas.map(\.batches)
                == [["run(batch:)": first, "other(batch:)": first], nil, ["run(batch:)": second]]
        )
        let sum = try #require(bench.status()?.batches["run(batch:)"])
        #expect([sum.full, sum.waited, sum.alone, sum.deadline, sum.shutdown] == [1, 1, 1, 1, 1])
        #expect([sum.batches, sum.items, sum.repetitions, sum.cancelled, sum.expired] == [5, 12, 4, 1, 1])
        #expect(bench.status()?.batches["other(batch:)"] == first)
    }

    @Test("An application has the state of its worst deployment")
    func worst() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web"), deployment("model")))
        #expect(bench.state.status().applications["shop"]?.state == .running)
        #expect(bench.state.status().applications["shop"]?.message == "")
        _ = bench.report(.exited(reason: "x"), r(2, "model"))
        let sick = bench.state.status().applications["shop"]
        #expect(sick?.state == .unhealthy)
        #expect(
            sick?.message
                == "deployment 'model': 0 of 1 replicas running; last failure: replica shop/model#2 exited: x"
        )
    }

    @Test("The status shows draining and stopping replicas, and that a left-out deployment is being deleted")
    func leaving() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 2)))
        _ = try bench.run(application(deployment("front")))
        _ = bench.report(.drained, r(1))
        #expect(bench.status()?.state == .deleting)
        #expect(bench.status()?.target.replicas == 0)
        #expect(bench.status()?.replicas.map(\.state) == [.stopping, .draining])
        #expect(bench.state.status().applications["shop"]?.state == .running)
        for number: UInt64 in [1, 2] { _ = bench.report(.exited(reason: "x"), r(number)) }
        #expect(bench.status() == nil)
    }
}
