import Swerve

/// The deployment that the handles call. Its methods change the actor's state, so that no call can be optimised away.
@Deployment
distributed actor Counter {
    private var count = 0

    distributed func echo(_ payload: String) -> String {
        count &+= 1
        return payload
    }

    distributed func add(_ value: Int) -> Int {
        count &+= value
        return count
    }
}

/// Sends its elements one after the other.
@Deployment
distributed actor Tokens {
    distributed func count(to end: Int) -> ResponseStream<String> {
        ResponseStream { writer in
            for number in 0..<end { try await writer.write("token \(number)") }
        }
    }

    /// The baseline: the same elements, from a task of this process.
    static func plain(to end: Int) -> AsyncStream<String> {
        AsyncStream { continuation in
            Task {
                for number in 0..<end { continuation.yield("token \(number)") }
                continuation.finish()
            }
        }
    }
}

/// The baseline for a call within the process.
actor PlainCounter {
    private var count = 0

    func add(_ value: Int) -> Int {
        count &+= value
        return count
    }
}
