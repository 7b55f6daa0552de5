internal import SwerveCore
internal import Synchronization

/// Opens and closes the way of new connections to a server whose listening socket others have, too: one change after
/// another, each when the one before is done.
package final class ServerDoor: Sendable {
    /// From where a server takes connections.
    private enum Way {
        /// From its own socket. Goes to closed.
        case alone
        /// From the shared socket. Goes to closed.
        case shared
        /// From nowhere. Goes to shared.
        case closed
    }

    private struct State {
        var way: Way
        var wanted: Way
        var isChanging = false
        /// Called when the next change is done.
        var waiting: [@Sendable () -> Void] = []
    }

    private let server: HTTPServer
    private let socket: ListeningSocket
    private let state: Mutex<State>

    /// - Parameters:
    ///   - socket: what others have, too. It must outlive the door.
    ///   - isOpen: whether the server takes connections already, from a descriptor of the socket that it alone has.
    package init(_ server: HTTPServer, _ socket: ListeningSocket, isOpen: Bool) {
        self.server = server
        self.socket = socket
        self.state = Mutex(State(way: isOpen ? .alone : .closed, wanted: isOpen ? .alone : .closed))
    }

    /// Lets others take connections from the socket, too.
    ///
    /// - Parameter done: called later, once they may.
    package func share(_ done: @escaping @Sendable () -> Void) { change(to: .shared, done) }

    /// - Parameters:
    ///   - takes: whether the server takes connections from the socket.
    ///   - done: called later, once it does, or does not any more.
    package func take(_ takes: Bool, _ done: @escaping @Sendable () -> Void = {}) {
        change(to: takes ? .shared : .closed, done)
    }

    /// Whether the server takes connections, and nothing else was asked.
    package var isOpen: Bool { state.withLock { $0.way != .closed || $0.wanted != .closed } }

    /// - Parameter done: called, perhaps at once, when all that was asked before is done.
    package func whenSettled(_ done: @escaping @Sendable () -> Void) {
        let isSettled = state.withLock { state in
            if state.isChanging { state.waiting.append(done) }
            return !state.isChanging
        }
        if isSettled { done() }
    }

    private func change(to wanted: Way, _ done: @escaping @Sendable () -> Void) {
        let begins = state.withLock { state in
            state.wanted = wanted
            state.waiting.append(done)
            defer { state.isChanging = true }
            return !state.isChanging
        }
        // Unstructured: ends when nothing is left to change.
        if begins { Task { await change() } }
    }

    private func change() async {
        while let next = nextStep() {
            switch next {
            case .shared:
                // Without descriptors nothing could be accepted, either.
                if let copy = try? socket.duplicate() { server.takeConnections(from: copy) }
            case .closed, .alone: await server.leaveConnections()
            }
            state.withLock { $0.way = next }
        }
    }

    /// What to do next; `nil`, after telling those who wait, if nothing.
    private func nextStep() -> Way? {
        let (next, done) = state.withLock { state -> (Way?, [@Sendable () -> Void]) in
            if state.way != state.wanted { return (state.way == .closed ? state.wanted : .closed, []) }
            state.isChanging = false
            defer { state.waiting = [] }
            return (nil, state.waiting)
        }
        for done in done { done() }
        return next
    }
}
