import NIOCore
import SwerveCore

extension World {
    func noteBegun(_ number: Int, by replica: ReplicaID?) {
        // The work of a dead process does not count: nobody sees it.
        guard !process(of: replica).isDead else { return }
        begun[number, default: 0] += 1
        audit?.began(number, on: replica)
    }

    /// Waits for a while, during which the time moves.
    func hang(_ replica: ReplicaID?) async {
        await wait(process(of: replica), atLeast: .milliseconds(isHolding ? 2000 : 20))
    }

    /// Waits, sometimes until the time has moved.
    func pause(_ replica: ReplicaID?) async {
        let time = random.next(below: 3) == 0 ? 1 + random.next(below: 50) : 0
        await wait(process(of: replica), atLeast: .milliseconds(Int64(time)))
    }

    /// Waits until the world lets the caller continue.
    func wait(_ replica: ReplicaID?) async {
        await wait(process(of: replica))
    }

    /// - Parameter time: how long it waits at least.
    func wait(_ process: SimProcess, atLeast time: TimeAmount = .zero) async {
        // What is buried runs to its end.
        guard !process.isDead else { return }
        let until = now + time
        await withCheckedContinuation { gates.append(Gate(process: process, until: until, continuation: $0)) }
    }

    /// The next piece of a stream, of any size.
    func takePiece(_ rest: inout ByteBuffer) -> ByteBuffer? {
        guard rest.readableBytes > 0 else { return nil }
        // Often so little that a stream of any size has many pieces.
        let few = 1 + rest.readableBytes / 16
        let most = [1, few, few, few, 100, 20_000, 300_000, 3_000_000][random.next(below: 8)]
        return rest.readSlice(length: min(rest.readableBytes, most))
    }
}
