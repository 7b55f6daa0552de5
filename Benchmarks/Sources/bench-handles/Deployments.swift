import Swerve

/// What the handles call. The methods change the actor's state, so that no call can be optimised away.
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

/// The floor of a call within the process.
actor PlainCounter {
    private var count = 0

    func add(_ value: Int) -> Int {
        count &+= value
        return count
    }
}
