/// Finds the name that somebody may have meant.
package enum NearestName {
    /// The candidate that the fewest insertions, deletions, replacements and swaps of neighbours make of `name`, without
    /// regard to case; the first in order where several are equally near. `nil` if it takes more than a third of the
    /// characters, or three.
    package static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let limit = min(3, max(1, name.count / 3))
        let wanted = Array(name.lowercased())
        let near = candidates.sorted().map { ($0, distance(wanted, Array($0.lowercased()))) }
        guard let best = near.min(by: { $0.1 < $1.1 }), best.1 <= limit else { return nil }
        return best.0
    }

    /// A sentence that ends an error message: which name was perhaps meant, or which there are.
    package static func hint(for name: String, among candidates: some Collection<String>) -> String {
        if let nearest = of(name, among: candidates) { return "did you mean '\(nearest)'?" }
        return candidates.isEmpty ? "there is none" : "there is: \(candidates.sorted().joined(separator: ", "))"
    }

    /// The distance of Damerau and Levenshtein, in the variant that changes no part of the text twice.
    private static func distance(_ from: [Character], _ to: [Character]) -> Int {
        var (beforeLast, last) = ([Int](), Array(0...to.count))
        for row in from.indices {
            var current = [row + 1]
            for column in to.indices {
                let replaced = last[column] + (from[row] == to[column] ? 0 : 1)
                var cost = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, from[row] == to[column - 1], from[row - 1] == to[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[to.count]
    }
}
