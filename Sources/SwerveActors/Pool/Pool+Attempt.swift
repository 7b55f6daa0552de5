package import NIOCore
package import SwerveCore
internal import SwerveRouting
internal import Synchronization

// Requests that need not wait.
extension Pool {
    /// How ``tryAcquire(_:)`` ends.
    package enum Attempt: ~Copyable {
        case lease(Lease)
        case refused(ServeError)
        /// The request has to wait. If it was `admitted`, the policies have seen it.
        case wait(isAdmitted: Bool)
    }

    /// Takes a lease if a replica is free for the request and none waits.
    ///
    /// - Parameter request: its attributes, and the time until its deadline; not asked for where they make no difference.
    @inline(__always)
    package func tryAcquire(_ request: @autoclosure () -> (RequestAttributes?, remaining: TimeAmount?)) -> Attempt {
        if needsRequests.load(ordering: .relaxed) { return tryAcquire(for: request()) }
        if let lease = tryAcquire() { return .lease(lease) }
        return .wait(isAdmitted: false)
    }

    @inline(never)
    private func tryAcquire(for request: (RequestAttributes?, remaining: TimeAmount?)) -> Attempt {
        let request = self.request(request.0, remaining: request.remaining)
        return state.withLock { state in
            switch state.router.admitAtOnce(request, now: now(), using: &state.generator) {
            case .assigned(let slot):
                if state.watch.isArmed { noteLoad(&state) }
                return .lease(lease(slot, in: &state))
            case .refused(let error): return .refused(located(error))
            case .queued, nil: return .wait(isAdmitted: true)
            }
        }
    }
}
