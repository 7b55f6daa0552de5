internal import Foundation

/// The public functions of a target, read from its source.
package enum PublicFunctions {
    /// Types of arguments of which not every value makes sense. Bytes are left out: any is good.
    private static let numbers: Set<String> = [
        "Int", "Int8", "Int16", "Int32", "Int64", "UInt", "UInt16", "UInt32", "UInt64", "Double", "Float", "Duration",
    ]

    /// The functions and initialisers with an argument that is or holds a number, such as `Image.png(level:)`.
    package static func takingNumbers(in target: String) throws -> Set<String> {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/\(target)")
        guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
        var found: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            found.formUnion(functions(in: try String(contentsOf: file, encoding: .utf8)))
        }
        return found
    }

    private static func functions(in source: String) -> [String] {
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        var type = ""
        return lines.indices.compactMap { index in
            let line = lines[index]
            let words = line.split(separator: " ").filter { !["public", "final", "distributed"].contains($0) }
            if !line.hasPrefix(" "), words.count > 1,
                ["extension", "struct", "class", "actor", "enum"].contains(words[0])
            {
                type = String(words[1].prefix { $0.isLetter || $0.isNumber || $0 == "." })
            }
            let declaration = line.drop { $0 == " " }
            guard declaration.hasPrefix("public "), let name = name(of: declaration) else { return nil }
            let rest = declaration.drop { $0 != "(" } + lines[(index + 1)...].prefix(40).joined(separator: " ")
            let parameters = parameters(in: rest.replacing("->", with: "").replacing("<<", with: ""))
            guard parameters.contains(where: { holdsNumber($0.type) }) else { return nil }
            return "\(type).\(name)(\(parameters.map { "\($0.label):" }.joined()))"
        }
    }

    /// `init` or what follows `func`; nil when the declaration is of another kind.
    private static func name(of declaration: Substring) -> String? {
        let words = declaration.prefix { $0 != "(" && $0 != "=" && $0 != "{" }.split(separator: " ")
        if let index = words.firstIndex(of: "func"), index + 1 < words.count {
            return String(words[index + 1].prefix { $0 != "<" })
        }
        return words.contains { $0 == "init" || $0.hasPrefix("init<") || $0 == "init?" } ? "init" : nil
    }

    /// The labels and types of the parameters of a text that begins with their parenthesis.
    private static func parameters(in text: some StringProtocol) -> [(label: Substring, type: Substring)] {
        var (depth, part, parts) = (0, "", [String]())
        for character in text {
            if "([<{".contains(character) { depth += 1 }
            if ")]>}".contains(character) { depth -= 1 }
            if depth == 0 { break }
            if character == ",", depth == 1 {
                parts.append(part)
                part = ""
            } else if depth > 1 || character != "(" {
                part.append(character)
            }
        }
        return (parts + [part]).compactMap { part in
            let halves = part.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, let label = halves[0].split(separator: " ").first else { return nil }
            return (label, halves[1].prefix { $0 != "=" })
        }
    }

    private static func holdsNumber(_ type: Substring) -> Bool {
        type.split { !$0.isLetter && !$0.isNumber }.contains { numbers.contains(String($0)) }
    }
}
