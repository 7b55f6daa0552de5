import NIOCore
import SwerveCore
import Synchronization
import Testing

@testable import SwerveController

/// When a replica may be told to drain.
@Suite struct FencesTests {
    private func replica(_ number: UInt64) -> ReplicaID {
        ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: number)
    }

    @Test func `a fence is passed when every caller has confirmed it or is gone`() throws {
        var fences = Fences()
        let number = try #require(fences.add([replica(1), replica(2), replica(3)]) {})
        #expect(fences.passed(number, by: replica(1)).isEmpty)
        #expect(fences.passed(number, by: replica(1)).isEmpty, "a doubled confirmation")
        #expect(fences.remove(replica(2)).isEmpty)
        #expect(fences.passed(number, by: replica(3)).count == 1)
        #expect(fences.passed(number, by: replica(3)).isEmpty, "it is passed once")
    }

    @Test func `without callers there is nothing to wait for`() {
        var fences = Fences()
        #expect(fences.add([]) {} == nil)
    }

    @Test func `a confirmation holds for earlier fences, which come first, but not for later ones`() throws {
        var fences = Fences()
        let order = Mutex<[Int]>([])
        _ = fences.add([replica(1)]) { order.withLock { $0.append(1) } }
        let second = try #require(fences.add([replica(1)]) { order.withLock { $0.append(2) } })
        let third = try #require(fences.add([replica(1)]) { order.withLock { $0.append(3) } })
        for done in fences.passed(second, by: replica(1)) { done() }
        #expect(order.withLock { $0 } == [1, 2])
        for done in fences.passed(third, by: replica(1)) { done() }
        #expect(order.withLock { $0 } == [1, 2, 3])
    }

    @Test(
        arguments: [
            (Duration.milliseconds(99), false), (.milliseconds(100), true), (.seconds(4), true), (nil, false),
        ] as [(Duration?, Bool)]
    )
    func `a process that used a tenth of a core since then is busy`(used: Duration?, isBusy: Bool) {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        let earlier = Progress(time: start, used: .zero)
        #expect(Progress(time: start + .seconds(1), used: used).isBusy(since: earlier) == isBusy)
        #expect(!Progress(time: start, used: .zero).isBusy(since: earlier))
    }
}
