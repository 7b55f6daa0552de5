/// What went wrong in a simulation.
struct Violation: Error, CustomStringConvertible {
    var description: String
}
