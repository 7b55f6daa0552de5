import SwerveCore
import SwerveSystem
import Synchronization
import Testing

@testable import SwerveAdmin

@Suite struct ProcessTableTests {
    /// A machine whose time goes on when somebody sleeps, and in which a process uses half a core.
    private final class Machine: Sendable {
        private let state = Mutex((now: Int64(1_000_000_000_000), measured: 0))

        var measured: Int { state.withLock { $0.measured } }
        func advance(by duration: Duration) { state.withLock { $0.now += duration.nanoseconds } }

        var time: AdminTime {
            AdminTime(wall: { self.state.withLock { $0.now } }, sleep: { self.advance(by: $0) })
        }

        func usage(_ process: Int32) -> ProcessUsage? {
            state.withLock { state in
                guard process != 99 else { return nil }
                state.measured += 1
                return ProcessUsage(processorTime: .nanoseconds(state.now / 2), startedAt: 900, memory: 4096)
            }
        }

        func table(gpu: [Int32: Int] = [:]) -> ProcessTable {
            ProcessTable(time, usage: { self.usage($0) }, gpuMemory: { gpu })
        }
    }

    private let process = InstanceProcess(processID: 7, kind: .instance, state: "running")

    @Test func `the first measurement watches the processor for a moment`() async throws {
        let machine = Machine()
        let measured = try await machine.table(gpu: [7: 5, 8: 6]).measure([process])
        #expect(measured.count == 1)
        #expect(measured[0].cpuPercent.map { abs($0 - 50) < 0.001 } == true)
        #expect(measured[0].uptime.map { abs($0 - 100.2) < 0.001 } == true)
        #expect(measured[0].memoryBytes == 4096)
        #expect(measured[0].gpuMemoryBytes == 5)
        #expect(machine.measured == 2)
    }

    @Test func `a measurement is used again while it is fresh, and then counts from the last one`() async throws {
        let machine = Machine()
        let table = machine.table()
        let first = try await table.measure([process])
        machine.advance(by: .milliseconds(499))
        #expect(try await table.measure([process]) == first)
        #expect(machine.measured == 2)
        machine.advance(by: .milliseconds(1))
        let second = try await table.measure([process])
        #expect(machine.measured == 3)
        #expect(second[0].cpuPercent.map { abs($0 - 50) < 0.001 } == true)
    }

    @Test func `other processes are measured at once, and one that is new has no percentage yet`() async throws {
        let machine = Machine()
        let table = machine.table()
        _ = try await table.measure([process])
        let new = InstanceProcess(processID: 8, kind: .proxy, proxy: 1, state: "serving")
        machine.advance(by: .milliseconds(1))
        let measured = try await table.measure([process, new])
        #expect(measured[0].cpuPercent != nil && measured[1].cpuPercent == nil)
        #expect(measured[1].uptime != nil)
    }

    @Test func `a process that is gone has no measured fields`() async throws {
        let gone = InstanceProcess(processID: 99, kind: .replica, state: "stopping")
        #expect(try await Machine().table(gpu: [99: 1]).measure([gone]) == [gone])
    }

    @Test func `each process of an instance is listed once`() async throws {
        let source = FakeSource()
        source.run("b", "a")
        let document = await StatusDocument(source, source.status())
        let processes = InstanceProcess.all(document)
        #expect(processes.map(\.kind) == [.instance, .replica, .replica])
        #expect(processes.map(\.application) == [nil, "a", "b"])
    }
}
