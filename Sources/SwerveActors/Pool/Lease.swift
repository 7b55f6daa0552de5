package import SwerveCore
internal import Synchronization

/// One request's claim on one replica.
///
/// It cannot be copied, and giving it up in whatever way, by ``release()``, ``refuse()`` or by letting it go, gives the
/// place back exactly once: the compiler and the destructor see to it.
package struct Lease: ~Copyable, Sendable {
    package let replica: any ReplicaConnection
    private let pool: Pool
    private let slot: Int
    private var isRefused = false

    @inline(__always)
    init(_ pool: Pool, slot: Int, replica: any ReplicaConnection) {
        self.pool = pool
        self.slot = slot
        self.replica = replica
    }

    deinit {
        if isRefused { pool.refused(slot) } else { pool.released(slot) }
    }

    /// The request is over.
    @inline(__always)
    package consuming func release() {}

    /// The replica refused the request without starting it.
    package consuming func refuse() {
        isRefused = true
    }
}

/// Carries a lease to whoever waited for it. A lease that nobody takes is released.
package final class LeaseBox: Sendable {
    private let lease: Mutex<Lease?>

    init(_ lease: consuming Lease) {
        self.lease = Mutex(lease)
    }

    /// `nil` when it was taken before.
    package func take() -> Lease? {
        lease.withLock { $0.take() }
    }
}

/// Someone who waits for a lease without being a task. Called once, on any thread, never during the call that made it
/// wait.
package protocol LeaseWaiter: AnyObject, Sendable {
    func leaseGranted(_ lease: LeaseBox)
    func leaseRefused(_ error: ServeError)
}
