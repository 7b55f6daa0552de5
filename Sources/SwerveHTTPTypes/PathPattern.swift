internal import SwerveCore

/// The paths that a route answers: literal segments, and segments in braces that stand for any text, as in
/// `/models/{name}/labels`.
package struct PathPattern: Hashable, Sendable {
    private enum Segment: Hashable, Sendable {
        /// In the normal form of paths.
        case literal(String)
        case parameter(String)
    }

    /// As it was written.
    package let description: String
    private let segments: [Segment]
    /// How many segments are literal: of two patterns that match a path, the one with more wins.
    package let literals: Int

    package init(_ description: String) {
        self.description = description
        segments = Self.split(description).map { segment in
            if segment.count > 2, segment.hasPrefix("{"), segment.hasSuffix("}") {
                return .parameter(String(segment.dropFirst().dropLast()))
            }
            return .literal(NormalPath.normalized(String(segment)))
        }
        literals = segments.count { if case .literal = $0 { true } else { false } }
    }

    /// What is wrong with the pattern, or `nil`.
    package var problem: String? {
        if !description.hasPrefix("/") { return "the path '\(description)' must start with '/'" }
        if description.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") || $0 < 0x20 }) {
            return "the path '\(description)' must not contain '?', '#' or control characters"
        }
        let names = segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
        if Set(names).count < names.count { return "the path '\(description)' names a parameter twice" }
        for case .literal(let segment) in segments where segment.contains("%7B") || segment.contains("%7D") {
            return "the path '\(description)' has a brace within a segment; a parameter is a whole segment, /{name}"
        }
        return nil
    }

    /// The parameters of a path that the pattern matches, decoded; `nil` if it does not match.
    ///
    /// - Parameter path: in its normal form.
    package func match(_ path: String) -> [String: String]? {
        let parts = Self.split(path)
        guard parts.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(parts, segments) {
            switch segment {
            case .literal(let text): if part != text { return nil }
            case .parameter(let name):
                if part.isEmpty { return nil }
                parameters[name] = PercentEncoding.decode(part, plusIsSpace: false)
            }
        }
        return parameters
    }

    /// Whether the two match the same paths.
    package func isSame(as other: PathPattern) -> Bool {
        segments.count == other.segments.count
            && zip(segments, other.segments).allSatisfy { pair in
                switch pair {
                case (.literal(let one), .literal(let two)): one == two
                case (.parameter, .parameter): true
                default: false
                }
            }
    }

    private static func split(_ path: String) -> [Substring] {
        path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }
}
