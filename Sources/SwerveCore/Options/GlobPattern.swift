/// One pattern as in `.gitignore`.
struct GlobPattern: Hashable, Sendable {
    struct Problem: Error {
        /// As in "the pattern … is empty".
        let reason: String
    }

    /// Matches one name of a path, or several.
    private enum Part: Hashable {
        /// `**`: any number of folders, also none.
        case folders
        case name([NameGlob])
    }

    /// Whether it begins with `!`.
    let takesInAgain: Bool
    private let isOfFolders: Bool
    private let parts: [Part]

    init(_ text: String) throws(Problem) {
        if text.utf8.count > ExcludePatterns.maximumBytes {
            throw Problem(reason: "has more than \(ExcludePatterns.maximumBytes) bytes")
        }
        var rest = Array(text.unicodeScalars)[...]
        if rest.contains("\0") { throw Problem(reason: "contains a NUL byte") }
        if rest.contains("\n") || rest.contains("\r") {
            throw Problem(reason: "has a line break in it; give each pattern as an element of its own")
        }
        // As git does; a name that ends with a space is written with `\ `.
        while rest.last == " ", !Self.isEscaped(rest) { rest.removeLast() }
        if rest.isEmpty { throw Problem(reason: "is empty; leave it out") }
        if rest.first == "#" {
            throw Problem(reason: ##"would be a comment in .gitignore; leave it out, or write '\#' for the character"##)
        }
        takesInAgain = rest.first == "!"
        if takesInAgain { rest.removeFirst() }
        isOfFolders = rest.last == "/"
        if isOfFolders { rest.removeLast() }
        let isAnchored = rest.contains("/")
        if rest.first == "/" { rest.removeFirst() }
        if rest.isEmpty { throw Problem(reason: "names nothing; write '*' for everything") }
        var parts: [Part] = []
        for name in rest.split(separator: "/", omittingEmptySubsequences: false) { parts.append(try Self.part(name)) }
        if parts.last == .folders {
            // `a/**` is what lies in `a`, and a lone `**` is like `*`.
            parts.append(.name([.any]))
        }
        self.parts = isAnchored ? parts : [.folders] + parts
    }

    private static func isEscaped(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        text.dropLast().reversed().prefix { $0 == "\\" }.count % 2 == 1
    }

    private static func part(_ name: ArraySlice<Unicode.Scalar>) throws(Problem) -> Part {
        switch String(String.UnicodeScalarView(name)) {
        case "": throw Problem(reason: "has two slashes in a row; write one")
        case ".", "..":
            throw Problem(
                reason:
                    "has '.' or '..' in its path; patterns begin at the working directory, as in '/data' or 'data/raw'"
            )
        // As git does, also for more of them.
        case let text where text.hasPrefix("**") && text.allSatisfy({ $0 == "*" }): return .folders
        default: return .name(try NameGlob.parsed(name))
        }
    }

    /// - Parameter names: of a path from the working directory on.
    func matches(_ names: [[Unicode.Scalar]], isFolder: Bool) -> Bool {
        if isOfFolders, !isFolder { return false }
        return matchesAll(parts, names, isWild: { $0 == .folders }) { part, name in
            guard case .name(let globs) = part else { return false }
            return matchesAll(globs, name, isWild: { $0 == .any }) { $0.matches($1) }
        }
    }
}

/// Matches one character of a name, or any number of them.
enum NameGlob: Hashable, Sendable {
    /// `*`: any number of characters, also none.
    case any
    /// `?`
    case one
    case character(Unicode.Scalar)
    /// `[…]`, or `[!…]` if it is negated.
    case set([Member], isNegated: Bool)

    enum Member: Hashable, Sendable {
        case range(Unicode.Scalar, Unicode.Scalar)
        case named(Class)

        func contains(_ character: Unicode.Scalar) -> Bool {
            switch self {
            case .range(let first, let last): first <= character && character <= last
            case .named(let name): name.contains(character)
            }
        }
    }

    /// The classes of POSIX, of ASCII characters.
    enum Class: String, Hashable, Sendable {
        case alnum, alpha, blank, cntrl, digit, graph, lower, print, punct, space, upper, xdigit

        func contains(_ character: Unicode.Scalar) -> Bool {
            switch self {
            case .alnum: Self.alpha.contains(character) || Self.digit.contains(character)
            case .alpha: Self.lower.contains(character) || Self.upper.contains(character)
            case .blank: character == " " || character == "\t"
            case .cntrl: character.value < 0x20 || character.value == 0x7F
            case .digit: ("0"..."9").contains(character)
            case .graph: (0x21...0x7E).contains(character.value)
            case .lower: ("a"..."z").contains(character)
            case .print: (0x20...0x7E).contains(character.value)
            case .punct: Self.graph.contains(character) && !Self.alnum.contains(character)
            case .space: character == " " || (0x09...0x0D).contains(character.value)
            case .upper: ("A"..."Z").contains(character)
            case .xdigit:
                Self.digit.contains(character) || ("a"..."f").contains(character) || ("A"..."F").contains(character)
            }
        }
    }

    /// - Precondition: it is not ``any``, which matches any number.
    func matches(_ character: Unicode.Scalar) -> Bool {
        switch self {
        case .any, .one: true
        case .character(let own): own == character
        case .set(let members, let isNegated): members.contains { $0.contains(character) } != isNegated
        }
    }

    static func parsed(_ name: ArraySlice<Unicode.Scalar>) throws(GlobPattern.Problem) -> [NameGlob] {
        var globs: [NameGlob] = []
        var rest = name
        while let character = rest.popFirst() {
            switch character {
            case "*": if globs.last != .any { globs.append(.any) }
            case "?": globs.append(.one)
            case "[": globs.append(try set(&rest))
            case "\\": globs.append(.character(try escaped(&rest)))
            default: globs.append(.character(character))
            }
        }
        return globs
    }

    private static func escaped(_ rest: inout ArraySlice<Unicode.Scalar>) throws(GlobPattern.Problem) -> Unicode.Scalar
    {
        guard let character = rest.popFirst() else {
            throw GlobPattern.Problem(
                reason: "has a backslash at the end of a name, where it escapes nothing; write '/' between names"
            )
        }
        return character
    }

    /// What follows a `[`.
    private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) throws(GlobPattern.Problem) -> NameGlob {
        let unclosed = GlobPattern.Problem(reason: #"has a '[' without a ']'; write '\[' for the character"#)
        let isNegated = rest.first == "!" || rest.first == "^"
        if isNegated { rest.removeFirst() }
        var members: [Member] = []
        while true {
            guard var first = rest.popFirst() else { throw unclosed }
            // The first one is a member.
            if first == "]", !members.isEmpty { return .set(members, isNegated: isNegated) }
            if first == "[", rest.first == ":" {
                members.append(.named(try named(&rest)))
                continue
            }
            if first == "\\" { first = try escaped(&rest) }
            guard rest.first == "-", let end = rest.dropFirst().first, end != "]" else {
                members.append(.range(first, first))
                continue
            }
            rest.removeFirst(2)
            let last = end == "\\" ? try escaped(&rest) : end
            if last < first {
                throw GlobPattern.Problem(reason: "has the range '\(first)-\(last)', in which nothing is")
            }
            members.append(.range(first, last))
        }
    }

    /// What follows a `[` in a set, up to `:]`.
    private static func named(_ rest: inout ArraySlice<Unicode.Scalar>) throws(GlobPattern.Problem) -> Class {
        let name = String(String.UnicodeScalarView(rest.dropFirst().prefix { $0 != ":" }))
        let after = rest.dropFirst(name.unicodeScalars.count + 1)
        guard let found = Class(rawValue: name), after.prefix(2) == [":", "]"] else {
            throw GlobPattern.Problem(
                reason: "has '[:\(name)' in a set; there are classes such as [:digit:], [:alpha:] and [:space:]"
            )
        }
        rest = after.dropFirst(2)
        return found
    }
}

/// Whether a pattern with wildcards that stand for any number of elements matches all of a text.
///
/// It goes back to the last wildcard only, so it takes at most as many steps as the lengths' product.
private func matchesAll<Part, Element>(
    _ pattern: [Part],
    _ text: [Element],
    isWild: (Part) -> Bool,
    matches: (Part, Element) -> Bool
) -> Bool {
    var (place, part) = (0, 0)
    var wild: (part: Int, place: Int)?
    while place < text.count {
        if part < pattern.count, isWild(pattern[part]) {
            wild = (part, place)
            part += 1
        } else if part < pattern.count, matches(pattern[part], text[place]) {
            part += 1
            place += 1
        } else if let last = wild {
            wild = (last.part, last.place + 1)
            (part, place) = (last.part + 1, last.place + 1)
        } else {
            return false
        }
    }
    return pattern[part...].allSatisfy(isWild)
}
