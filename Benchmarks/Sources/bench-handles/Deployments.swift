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

/// The baseline for a call within the process.
actor PlainCounter {
    private var count = 0

    func add(_ value: Int) -> Int {
        count &+= value
        return count
    }
}
