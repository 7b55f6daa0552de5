import SwerveControl
import SwerveCore

/// What a store holds after every change that a controller asks it to keep.
struct StoredGoal {
    private var applications: [String: GoalState.Application] = [:]
    private var numbersBelow: UInt64 = 1
    private var targetCapacity: Int?

    /// The goal that the next controller begins with.
    var goal: GoalState {
        GoalState(applications: applications, numbersBelow: numbersBelow, targetCapacity: targetCapacity)
    }

    /// Stores what has changed.
    mutating func follow(_ state: inout ControllerState) throws {
        if let change = state.unstoredChange() {
            for (name, application) in change.applications { applications[name] = application }
            numbersBelow = change.numbersBelow ?? numbersBelow
            targetCapacity = change.targetCapacity ?? targetCapacity
            state.noteStored(change)
        }
        if numbersBelow < state.goal.numbers.next { throw Violation(description: "a number could be given out twice") }
    }

    /// Checks that nothing is missing.
    func check(_ state: ControllerState) throws {
        if applications != state.goal.applications || targetCapacity != state.goal.targetCapacity {
            throw Violation(description: "the stored goal differs")
        }
        var state = state
        if state.unstoredChange() != nil { throw Violation(description: "a stored change is still to be stored") }
    }
}
