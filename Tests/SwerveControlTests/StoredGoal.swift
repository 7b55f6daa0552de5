import SwerveControl
import SwerveCore

/// What a store holds after every change that a controller asks it to keep.
struct StoredGoal {
    private var applications: [String: GoalState.Application] = [:]
    private var numbersBelow: UInt64 = 1

    /// The goal that the next controller begins with.
    var goal: GoalState { GoalState(applications: applications, numbersBelow: numbersBelow) }

    /// Stores what has changed, and checks that nothing is missing.
    mutating func follow(_ state: inout ControllerState) throws {
        if let change = state.unstoredChange {
            for (name, application) in change.applications { applications[name] = application }
            numbersBelow = change.numbersBelow ?? numbersBelow
            state.noteStored(change)
        }
        if applications != state.goal.applications { throw Violation(description: "the stored goal differs") }
        if numbersBelow < state.goal.numbers.next { throw Violation(description: "a number could be given out twice") }
        if state.unstoredChange != nil { throw Violation(description: "a stored change is still to be stored") }
    }
}
