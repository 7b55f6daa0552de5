import SwerveControl
import SwerveCore
import Testing

/// The version that serves keeps its replicas while the next one has not taken over, and a rollout does not wait for
/// ever.
@Suite struct HealingTests {
    private let old = deployment("web", 2, version: 1) { $0.healthCheckPeriod = .seconds(1_000_000) }
    private let new = deployment("web", 2, version: 2) { $0.healthCheckPeriod = .seconds(1_000_000) }

    private func inRollout() throws -> Bench {
        var bench = Bench()
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        bench.now = bench.now + .seconds(20)
        return bench
    }

    @Test func `an old replica that dies while the new ones load is replaced by one of its version`() throws {
        var bench = try inRollout()
        #expect(bench.report(.exited(reason: "crash"), r(1)) == [publish([r(2)], old), .start(r(5), old)])
        #expect(bench.report(.ready, r(5)) == [publish([r(2), r(5)], old)])
        #expect(bench.status()?.message == "", "no wanted replica failed")
    }

    @Test func `a replacement that is not needed any more is stopped`() throws {
        var bench = try inRollout()
        _ = bench.report(.exited(reason: "crash"), r(1))
        _ = bench.report(.ready, r(3))
        let actions = bench.report(.ready, r(4))
        #expect(actions.contains(.stop(r(5))))
        #expect(actions.contains(.drain(r(2))))
        #expect(actions.last == .applicationRunning("shop"))
    }

    @Test func `an old replica that dies again and again waits before each replacement`() throws {
        var bench = try inRollout()
        _ = bench.report(.exited(reason: "crash"), r(1))
        #expect(bench.report(.exited(reason: "crash"), r(5)) == [])
        #expect(bench.wait(.milliseconds(99)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.start(r(6), old)])
        #expect(bench.report(.exited(reason: "crash"), r(6)) == [])
        #expect(bench.wait(.milliseconds(199)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.start(r(7), old)])
        #expect(bench.status()?.state == .updating, "it says nothing about the new version")
    }

    @Test func `with stop first nothing is replaced, because nobody has to serve`() throws {
        var bench = Bench()
        let rule = DeploymentOptions.Rollout.stopFirst
        _ = try bench.run(application(deployment("web", 2, version: 1) { $0.rollout = rule }))
        let actions = try bench.deploy(application(deployment("web", 2, version: 2) { $0.rollout = rule }))
        #expect(actions.contains(.drain(r(1))))
        #expect(
            bench.report(.exited(reason: "x"), r(2)).allSatisfy { action in
                if case .start(_, let spec, _) = action { spec.arguments == [2] } else { true }
            }
        )
    }

    @Test func `an old replica that made room for a new one does not come back to take it`() throws {
        var bench = Bench(node: NodeResources(cpus: 1, memory: 0))
        func web(_ version: UInt8) -> DeploymentSpec {
            deployment("web", 1, version: version) { $0.resources = Resources(cpus: 1) }
        }
        _ = try bench.run(application(web(1)))
        #expect(try bench.deploy(application(web(2))).contains(.drain(r(1))))
        _ = bench.report(.drained, r(1))
        let starts = bench.report(.exited(reason: "stopped"), r(1)).compactMap { action -> [UInt8]? in
            if case .start(_, let spec, _) = action { spec.arguments } else { nil }
        }
        #expect(starts == [[2]])
    }

    // MARK: Progress

    @Test func `a rollout without progress for ten minutes returns to the version before`() throws {
        var bench = Bench()
        let patient = deployment("web", 2, version: 2) { $0.startTimeout = .seconds(60) }
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(patient))
        bench.now = bench.now + .seconds(300)
        _ = bench.report(.ready, r(3))
        #expect(bench.wait(.seconds(599)).contains { if case .applicationFailed = $0 { true } else { false } } == false)
        let actions = bench.wait(.seconds(1))
        #expect(actions.contains { if case .applicationFailed = $0 { true } else { false } })
        #expect(bench.status()?.state == .deployFailed)
        #expect(bench.status()?.message.hasPrefix("the rollout made no progress for 600.0 seconds") == true)
        #expect(bench.status()?.options == old.options)
    }

    @Test func `a deploy without a version to return to fails after its deadline, and goes on`() throws {
        var bench = Bench()
        let web = deployment {
            $0.startTimeout = .seconds(650)
            $0.progressDeadline = .seconds(700)
        }
        _ = try bench.deploy(application(web))
        _ = bench.wait(.seconds(650))
        #expect(bench.wait(.seconds(1)) == [.start(r(2), web)])
        _ = bench.wait(.milliseconds(48_999))
        let errors = bench.wait(.milliseconds(1)).compactMap { action -> String? in
            if case .applicationFailed(_, let error) = action { error.message } else { nil }
        }
        #expect(errors.count == 1)
        #expect(errors.first?.contains("0 of 1 replicas running; there was no progress for 700.0 seconds") == true)
        _ = bench.report(.ready, r(2))
        #expect(bench.status()?.state == .healthy)
    }

    @Test func `a start that may take longer than the deadline has its time`() throws {
        var bench = Bench()
        let slow = deployment("web", 2, version: 2) { $0.startTimeout = .seconds(3600) }
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(slow))
        _ = bench.wait(.seconds(3599))
        #expect(bench.status()?.state == .updating)
        _ = bench.wait(.seconds(1))
        #expect(bench.status()?.state == .deployFailed)
    }
}
