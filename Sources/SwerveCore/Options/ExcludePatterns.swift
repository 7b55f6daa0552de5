/// Which files and folders of a working directory are left out, by patterns as in `.gitignore`.
///
/// The last pattern that matches an entry decides. What lies in a folder that is left out is left out, whatever later
/// patterns say. Names are compared scalar by scalar: case counts, and nothing is normalised.
///
/// | pattern | matches |
/// |---|---|
/// | `*.ckpt` | by its name, at any depth: it has no slash but one at its end |
/// | `/data`, `data/raw` | from the working directory on: it has a slash at its beginning or in its middle |
/// | `logs/` | folders only |
/// | `a/**/b`, `**/b`, `a/**` | any number of folders between; everything in `a` |
/// | `*`, `?`, `[a-z]`, `[!a-z]`, `[[:digit:]]` | within a name |
/// | `!keep.txt` | takes in again what an earlier pattern leaves out |
/// | `\#`, `\!`, `\*` | the character itself |
package struct ExcludePatterns: Hashable, Sendable {
    private let patterns: [GlobPattern]

    /// At most this many patterns.
    package static let maximumCount = 1000
    /// The longest pattern.
    package static let maximumBytes = 1024

    /// - Throws: ``ServeError`` with code `invalidOptions` for a pattern that can mean nothing.
    package init(_ texts: [String]) throws(ServeError) {
        if let problem = Self.problem(withCount: texts.count) { throw ServeError(.invalidOptions, problem) }
        var patterns: [GlobPattern] = []
        for text in texts {
            do throws(GlobPattern.Problem) {
                patterns.append(try GlobPattern(text))
            } catch {
                throw ServeError(.invalidOptions, Self.message(text, error))
            }
        }
        self.patterns = patterns
    }

    /// Leaves out nothing.
    package static let none = ExcludePatterns()

    private init() {
        patterns = []
    }

    package var isEmpty: Bool { patterns.isEmpty }

    /// What is wrong with a number of patterns; `nil` if nothing is.
    package static func problem(withCount count: Int) -> String? {
        count > maximumCount
            ? "there are \(count) patterns of what is left out of the working directory; at most \(maximumCount) are possible"
            : nil
    }

    /// What is wrong with a pattern; `nil` if nothing is.
    package static func problem(with text: String) -> String? {
        do throws(GlobPattern.Problem) { _ = try GlobPattern(text) } catch { return message(text, error) }
        return nil
    }

    private static func message(_ text: String, _ problem: GlobPattern.Problem) -> String {
        "the pattern '\(text.debugDescription.dropFirst().dropLast().prefix(100))' of what is left out \(problem.reason)"
    }

    /// Whether an entry is left out, if none of the folders that it lies in is.
    ///
    /// - Parameter path: from the working directory on, with `/` between names.
    package func leaveOut(_ path: String, isFolder: Bool) -> Bool {
        if patterns.isEmpty { return false }
        let names = path.split(separator: "/").map { Array($0.unicodeScalars) }
        let last = patterns.last { $0.matches(names, isFolder: isFolder) }
        return last.map { !$0.takesInAgain } ?? false
    }
}
