/// The arguments that all calls of a batch share. Calls whose arguments differ never share a batch.
public struct BatchKey: Hashable, Sendable {
    private var arguments: [any Hashable & Sendable]

    public init(_ arguments: any Hashable & Sendable...) {
        self.arguments = arguments
    }

    /// The key of the calls that also share this.
    func adding(_ argument: any Hashable & Sendable) -> BatchKey {
        var key = self
        key.arguments.append(argument)
        return key
    }

    public static func == (left: BatchKey, right: BatchKey) -> Bool {
        guard left.arguments.count == right.arguments.count else { return false }
        for (index, argument) in left.arguments.enumerated()
        where !isEqual(argument, right.arguments[index]) {
            return false
        }
        return true
    }

    private static func isEqual(_ left: some Hashable, _ right: any Hashable) -> Bool {
        AnyHashable(left) == AnyHashable(right)
    }

    public func hash(into hasher: inout Hasher) {
        for argument in arguments { argument.hash(into: &hasher) }
    }
}
