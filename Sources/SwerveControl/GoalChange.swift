internal import SwerveCore

/// The part of a goal that differs from what was stored last.
package struct GoalChange: Hashable, Sendable {
    /// By name; `nil` for an application that is gone.
    package var applications: [String: GoalState.Application?]
    /// Replica numbers below this may be in use before the next change; `nil` if the last bound still holds.
    package var numbersBelow: UInt64?
    /// The instance's target capacity; `nil` if it is as before.
    package var targetCapacity: Int??

    package init(
        applications: [String: GoalState.Application?] = [:],
        numbersBelow: UInt64? = nil,
        targetCapacity: Int?? = nil
    ) {
        self.applications = applications
        self.numbersBelow = numbersBelow
        self.targetCapacity = targetCapacity
    }

    package var isEmpty: Bool { applications.isEmpty && numbersBelow == nil && targetCapacity == nil }
}

/// Finds out what has to be stored after an event, with work in proportion to the applications that the event touched.
struct GoalTracker: Sendable {
    /// How many replica numbers are claimed at a time, so that the start of a replica seldom has to be stored.
    static let numbersAtATime: UInt64 = 1000

    private var stored: [String: GoalState.Application]
    private var touched: Set<String> = []
    private var numbersBelow: UInt64
    private var targetCapacity: Int?

    /// - Parameter goal: a goal as it is stored.
    init(_ goal: GoalState) {
        stored = goal.applications
        numbersBelow = goal.numbers.next
        targetCapacity = goal.targetCapacity
    }

    mutating func touch(_ application: String) { touched.insert(application) }

    mutating func change(_ goal: GoalState) -> GoalChange {
        var change = GoalChange()
        touched = touched.filter { goal.applications[$0] != stored[$0] }
        for name in touched { change.applications[name] = .some(goal.applications[name]) }
        if goal.numbers.next > numbersBelow { change.numbersBelow = goal.numbers.next + Self.numbersAtATime }
        if goal.targetCapacity != targetCapacity { change.targetCapacity = .some(goal.targetCapacity) }
        return change
    }

    mutating func noteStored(_ change: GoalChange) {
        for (name, application) in change.applications { stored[name] = application }
        numbersBelow = change.numbersBelow ?? numbersBelow
        targetCapacity = change.targetCapacity ?? targetCapacity
        touched = []
    }
}
