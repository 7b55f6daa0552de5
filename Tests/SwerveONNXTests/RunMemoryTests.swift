import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("Memory of runs")
struct RunMemoryTests {
    private let small = [[1, 3, 64, 64]]
    private let large = [[1, 3, 128, 128]]

    @Test("By default, the first run with new shapes returns its memory, and later ones keep it")
    func kept() {
        var policy = RunMemoryPolicy(ONNXSessionOptions().runMemory, isOnCPU: true)
        #expect(policy.returnsMemory(after: small))
        policy.note(small)
        #expect(!policy.returnsMemory(after: small))
        #expect(policy.returnsMemory(after: large))
    }

    @Test("Runs that execute at the same time, or after a failed one, count as first ones")
    func concurrent() {
        let policy = RunMemoryPolicy(.kept, isOnCPU: true)
        #expect(policy.returnsMemory(after: small))
        #expect(policy.returnsMemory(after: small))
    }

    @Test("A session remembers a limited number of shapes")
    func limit() {
        var policy = RunMemoryPolicy(.kept, isOnCPU: true)
        for length in 0..<(RunMemoryPolicy.maximumShapes - 1) { policy.note([[length]]) }
        #expect(policy.returnsMemory(after: small))
        policy.note(small)
        #expect(!policy.returnsMemory(after: large))
        policy.note(large)
        #expect(!policy.returnsMemory(after: large))
    }

    @Test("All runs return their memory when asked to, but never that of another device")
    func returned() {
        var policy = RunMemoryPolicy(.returned, isOnCPU: true)
        policy.note(small)
        #expect(policy.returnsMemory(after: small))
        #expect(!RunMemoryPolicy(.returned, isOnCPU: false).returnsMemory(after: small))
        #expect(!RunMemoryPolicy(.kept, isOnCPU: false).returnsMemory(after: small))
    }

    @Test("Results are the same whatever is kept", arguments: [ONNXSessionOptions.RunMemory.kept, .returned])
    func results(memory: ONNXSessionOptions.RunMemory) async throws {
        let session = try ONNXSession(
            .path(Golden.model("scalar")),
            runtime: Golden.runtime(),
            options: ONNXSessionOptions(intraOpThreads: 1, runMemory: memory)
        )
        for number in [1, 2, 3] as [Float] {
            #expect(try await session.run(Tensor(shape: [], values: [number])).values(as: Float.self) == [2 * number])
        }
    }
}
