import Swerve
import SwerveTesting
import Testing

/// What the controller does about replicas, with a launcher and a clock that the test has in its hands.
@Suite(.timeLimit(.minutes(5))) struct LauncherTests {
    private func replicas(_ status: ApplicationStatus?) -> [ReplicaStatus] {
        status?.deployments["Adder"]?.replicas ?? []
    }

    @Test func `a replica serves once its start has succeeded`() async throws {
        let launcher = FakeLauncher()
        try await withTestInstance(placement: .inProcess, launcher: launcher) { instance in
            async let run = instance.run(Adder.bind(offset: 1), routePrefix: nil)
            let start = try await launcher.nextStart()
            #expect(start.replica.deployment == DeploymentID(application: "default", deployment: "Adder"))
            let waiting = try await instance.waitUntil { replicas($0).count == 1 }
            #expect(replicas(waiting).map(\.state) == [.starting])
            start.succeed()
            #expect(try await run.add(1) == 2)
        }
    }

    @Test func `a start that failed is tried again after its wait`() async throws {
        let (launcher, clock) = (FakeLauncher(), ManualClock())
        try await withTestInstance(placement: .inProcess, clock: clock, launcher: launcher) { instance in
            async let run = instance.run(Adder.bind(offset: 1), routePrefix: nil)
            try await launcher.nextStart().fail("no memory left")
            let failed = try await instance.waitUntil { replicas($0).isEmpty && $0?.message.isEmpty == false }
            #expect(failed?.message.contains("no memory left") == true)
            // The first wait is 0.1 seconds.
            await clock.advance(by: .milliseconds(100))
            try await launcher.nextStart().succeed()
            #expect(try await run.add(1) == 2)
        }
    }

    @Test func `a lost replica is replaced`() async throws {
        let (launcher, clock) = (FakeLauncher(), ManualClock())
        try await withTestInstance(placement: .inProcess, clock: clock, launcher: launcher) { instance in
            async let run = instance.run(Adder.bind(offset: 1), routePrefix: nil)
            let first = try await launcher.nextStart()
            first.succeed()
            let adder = try await run
            // One that has run for 10 seconds is replaced at once.
            await clock.advance(by: .seconds(10))
            launcher.lose(first.replica, "the machine is gone")
            let second = try await launcher.nextStart()
            #expect(second.replica.number > first.replica.number)
            async let answer = adder.add(1)
            second.succeed()
            #expect(try await answer == 2)
        }
    }

    @Test func `a start that nobody wants any more cannot be made to serve`() async throws {
        let launcher = FakeLauncher()
        try await withTestInstance(placement: .inProcess, launcher: launcher) { instance in
            let run = Task { try await instance.run(Adder.bind(offset: 1), routePrefix: nil) }
            let start = try await launcher.nextStart()
            try await instance.delete("default")
            start.succeed()
            await #expect(throws: ServeError.self) { try await run.value }
            #expect(await instance.status().applications.isEmpty)
        }
    }

    @Test func `a deadline goes by the test's clock`() async throws {
        let clock = ManualClock()
        try await withTestInstance(placement: .inProcess, clock: clock) { instance in
            let adder = try await instance.run(Adder.bind(offset: 1), routePrefix: nil)
            try await ServeContext.withDeadline(in: .seconds(10)) { () async throws in
                await clock.advance(by: .seconds(4))
                #expect(try await adder.remaining() == .seconds(6))
                await clock.advance(by: .seconds(7))
                let error = await #expect(throws: ServeError.self) { try await adder.add(1) }
                #expect(error?.code == .deadlineExceeded)
            }
        }
    }

    @Test func `a wait for a start that is cancelled does not end the next one`() async throws {
        let launcher = FakeLauncher()
        let wait = Task { try await launcher.nextStart() }
        wait.cancel()
        await #expect(throws: CancellationError.self) { _ = try await wait.value }
        try await withTestInstance(placement: .inProcess, launcher: launcher) { instance in
            async let run = instance.run(Adder.bind(offset: 1), routePrefix: nil)
            try await launcher.nextStart().succeed()
            #expect(try await run.add(1) == 2)
        }
    }

    @Test func `an instance that starts again gives its replicas new numbers`() async throws {
        let launcher = FakeLauncher()
        try await withTestInstance(placement: .inProcess, launcher: launcher) { instance in
            var numbers: [UInt64] = []
            for _ in 0..<2 {
                async let run = instance.run(Adder.bind(offset: 1), routePrefix: nil)
                let start = try await launcher.nextStart()
                numbers.append(start.replica.number)
                start.succeed()
                _ = try await run
                await instance.shutdown()
            }
            #expect(numbers == [1, 2])
        }
    }

    @Test func `a status is awaited before the instance starts`() async throws {
        try await withTestInstance(placement: .inProcess) { instance in
            async let status = instance.waitUntil { $0?.state == .running }
            try await instance.run(Adder.bind(offset: 1), routePrefix: nil)
            #expect(try await status?.name == "default")
        }
    }

    @Test func `the deadline of a request that is over does not shorten a new one`() async throws {
        let clock = ManualClock()
        try await withTestInstance(placement: .inProcess, clock: clock) { instance in
            let adder = try await instance.run(Adder.bind(offset: 1), routePrefix: nil)
            let (over, isOver) = AsyncStream.makeStream(of: Void.self)
            let late = await ServeContext.withDeadline(in: .seconds(1)) {
                Task {
                    for await _ in over {}
                    return try await ServeContext.withDeadline(in: .seconds(10)) { try await adder.add(1) }
                }
            }
            await clock.advance(by: .seconds(5))
            isOver.finish()
            #expect(try await late.value == 2)
        }
    }
}
