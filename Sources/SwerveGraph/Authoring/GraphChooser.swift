internal import SwerveActors

/// Chooses a branch by a value. Other processes look conforming types up by name.
package protocol GraphChooser: Codable, Sendable {
    /// The position of the case that equals the value; `nil` when none does.
    func position(of value: any Codable & Sendable) throws -> Int?
    /// The cases as a picture of the graph shows them.
    var labels: [String] { get }
    /// The first case that occurs twice, if any.
    var duplicate: String? { get }
    /// The values without a case; empty when the possible values are not known.
    var missing: [String] { get }
    /// Whether every possible value has a case.
    var isComplete: Bool { get }
}

struct Cases<Key: Hashable & Codable & Sendable>: GraphChooser {
    var keys: [Key]

    init(_ keys: [Key]) {
        self.keys = keys
    }

    func position(of value: any Codable & Sendable) throws -> Int? {
        let key: Key = try unwrap(value)
        return keys.firstIndex(of: key)
    }

    var labels: [String] { keys.map { "\($0)" } }

    var duplicate: String? {
        var seen: Set<Key> = []
        return keys.first { !seen.insert($0).inserted }.map { "\($0)" }
    }

    private var all: [Key]? {
        if Key.self == Bool.self { return [true, false] as? [Key] }
        guard let type = Key.self as? any CaseIterable.Type else { return nil }
        func cases<Value: CaseIterable>(_: Value.Type) -> [Key] { Value.allCases.compactMap { $0 as? Key } }
        return cases(type)
    }

    var missing: [String] { all.map { $0.filter { !keys.contains($0) }.map { "\($0)" } } ?? [] }
    var isComplete: Bool { all.map { $0.allSatisfy(keys.contains) } ?? false }
}
