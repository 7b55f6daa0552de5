internal import SwerveCore

extension HTTPConnectionMachine {
    /// The exchange must be over by then, which is earlier than the options and the client said.
    mutating func limit(to time: MonotonicTime) {
        guard case .exchange(var exchange) = phase else { return }
        exchange.deadline = time
        phase = .exchange(exchange)
    }
}
