/// Finds the name that was probably meant.
package enum NearestName {
    /// The nearest of `names`; `nil` if none is near. The spelling with or without underscores and capitals counts as
    /// the same name.
    package static func of(_ name: String, among names: some Sequence<String>) -> String? {
        let wanted = folded(name)
        guard !wanted.isEmpty, wanted.count <= 100 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in names {
            let distance = distance(wanted, folded(candidate))
            if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(1, wanted.count / 3) else { return nil }
        return best.name
    }

    /// A sentence that ends an error message: which name was perhaps meant, or which there are.
    package static func hint(for name: String, among names: some Collection<String>) -> String {
        if let nearest = of(name, among: names.sorted()) { return "did you mean '\(nearest)'?" }
        return names.isEmpty ? "there is none" : "there is: \(names.sorted().joined(separator: ", "))"
    }

    /// At most three of the names, the nearest first, and none that is much different.
    package static func several(_ text: String, among names: some Sequence<String>) -> [String] {
        let limit = max(2, text.count / 3)
        let ranked = names.map { (name: $0, distance: distance(Array(text), Array($0))) }
        return ranked.filter { $0.distance <= limit }.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3).map(\.name)
    }

    private static func folded(_ name: String) -> [Character] {
        Array(name.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    /// How many characters have to be added, dropped, replaced or swapped with their neighbour.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        guard right.count <= 200 else { return .max }
        var previous: [Int] = []
        var row = Array(0...right.count)
        for (i, character) in left.enumerated() {
            var next = [i + 1]
            for (j, other) in right.enumerated() {
                var best = min(row[j] + (character == other ? 0 : 1), row[j + 1] + 1, next[j] + 1)
                if i > 0, j > 0, character == right[j - 1], left[i - 1] == other {
                    best = min(best, previous[j - 1] + 1)
                }
                next.append(best)
            }
            (previous, row) = (row, next)
        }
        return row[right.count]
    }
}
