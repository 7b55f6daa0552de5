package import SwerveCore
internal import Synchronization

/// One request's claim on one replica.
///
/// A lease cannot be copied. Whether it ends by ``release()``, by ``refuse()`` or by going out of scope, the place
/// comes back exactly once: the compiler and the deinitialiser ensure this.
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

    /// The request has ended.
    @inline(__always)
    package consuming func release() {}

    /// The replica refused the request without starting it.
    package consuming func refuse() {
        isRefused = true
    }
}

/// Carries a lease to its waiter. A lease that nobody takes is released.
package final class LeaseBox: Sendable {
    private let lease: Mutex<Lease?>

    init(_ lease: consuming Lease) {
        self.lease = Mutex(lease)
    }

    /// `nil` if it was already taken.
    package func take() -> Lease? {
        lease.withLock { $0.take() }
    }
}

/// Waits for a lease without being a task. One of its methods is called, once, on any thread. The call to `acquire`
/// does not make this call itself, but it may not have returned yet when another thread does.
package protocol LeaseWaiter: AnyObject, Sendable {
    func leaseGranted(_ lease: LeaseBox)
    func leaseRefused(_ error: ServeError)
}
