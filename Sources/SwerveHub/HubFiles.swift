/// Which files of a repository to load.
///
/// Patterns work as in `huggingface_hub`: `*` matches any characters, including `/`; `?` matches one character;
/// `[abc]`, `[a-z]` and `[!abc]` match one character of a set; a pattern that ends with `/` matches everything below.
/// Case matters.
///
/// ```swift
/// let snapshot = try await ModelHub.load("nvidia/mit-b0", files: ["*.json", "onnx/model.onnx*"])
/// ```
public struct HubFiles: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// A file is chosen when it matches one of these; nil chooses all.
    public let patterns: [String]?
    /// A file that matches one of these is left out.
    public let excluded: [String]

    /// All files.
    public static let all = HubFiles(patterns: nil, excluded: [])

    /// The files that match one of the patterns and none of the excluded ones.
    ///
    /// A pattern without wildcards is the name of a file; the load fails if the repository lacks it.
    public static func matching(_ patterns: [String], excluding excluded: [String] = []) -> HubFiles {
        HubFiles(patterns: patterns, excluded: excluded)
    }

    /// All files except those that match one of the patterns.
    public static func excluding(_ excluded: [String]) -> HubFiles {
        HubFiles(patterns: nil, excluded: excluded)
    }

    public init(arrayLiteral patterns: String...) {
        self.init(patterns: patterns, excluded: [])
    }

    private init(patterns: [String]?, excluded: [String]) {
        self.patterns = patterns
        self.excluded = excluded
    }

    /// Whether a file is chosen.
    public func contains(_ path: String) -> Bool {
        let isIn = patterns.map { $0.contains { FileNamePattern($0).matches(path) } } ?? true
        return isIn && !excluded.contains { FileNamePattern($0).matches(path) }
    }

    /// The chosen ones among the paths, in the same order.
    func select(_ paths: [String]) -> [String] {
        let wanted = patterns.map { $0.map(FileNamePattern.init) }
        let unwanted = excluded.map(FileNamePattern.init)
        return paths.filter { path in
            (wanted.map { $0.contains { $0.matches(path) } } ?? true) && !unwanted.contains { $0.matches(path) }
        }
    }

    /// The patterns that name a single file and are not excluded.
    var names: [String] {
        (patterns ?? []).filter { FileNamePattern($0).isName && contains($0) }
    }

    /// The patterns that none of the paths matches.
    func unmatched(by paths: [String]) -> [String] {
        (patterns ?? []).filter { pattern in
            let pattern = FileNamePattern(pattern)
            return !paths.contains(where: pattern.matches)
        }
    }
}
