internal import SwerveCore
internal import SwerveRouting
internal import Synchronization

// Reports of the load.
extension Pool {
    func watchLoad(_ isWanted: Bool, _ state: inout State) {
        if isWanted == state.watch.isOn {
            if state.watch.isArmed { noteLoad(&state) }
            return
        }
        state.watch = LoadWatch(isOn: isWanted, isArmed: false, isQueueNoted: false)
        if isWanted { loads.watch(self) } else { loads.unwatch(self) }
    }

    @inline(never)
    func noteLoad(_ state: inout State) {
        state.watch.isArmed = false
        loads.note(id, atOnce: false)
    }

    /// A request has to wait: a replica more would help now.
    func noteQueue(_ state: inout State) {
        guard state.watch.isOn, !state.watch.isQueueNoted else { return }
        state.watch.isQueueNoted = true
        state.watch.isArmed = false
        loads.note(id, atOnce: true)
    }

    /// The load now; the next change will be noted.
    func takeLoad() -> Load {
        state.withLock { state in
            let load = Load(queued: state.router.queuedCount, ongoing: state.router.ongoingCount)
            state.watch.isArmed = state.watch.isOn
            state.watch.isQueueNoted = load.queued > 0
            return load
        }
    }
}
