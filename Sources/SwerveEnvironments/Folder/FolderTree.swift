/// The entries of a working directory, checked: every path stays below it, and so does whatever a link leads to.
package struct FolderTree: Hashable, Sendable {
    /// By path; a folder comes before what is in it.
    package let entries: [FolderEntry]
    /// The bytes of all files together, as the source says.
    package let bytes: Int

    /// Folders that the source leaves out, as ZIP files may, are added.
    ///
    /// - Throws: ``FolderProblem`` for the first entry that is wrong.
    package init(_ found: [FolderEntry], limits: FolderLimits) throws(FolderProblem) {
        var kinds: [String: FolderEntry.Kind] = [:]
        var bytes = 0
        if found.count > limits.entries { throw Self.tooMany(limits) }
        for entry in found {
            if let problem = Self.problem(with: entry.path, limits) { throw FolderProblem(entry.path, problem) }
            if kinds.updateValue(entry.kind, forKey: entry.path) != nil {
                throw FolderProblem(entry.path, "is there twice")
            }
            if case .file(let size, _) = entry.kind {
                let (sum, isTooMuch) = bytes.addingReportingOverflow(size)
                if isTooMuch || sum > limits.bytes {
                    throw FolderProblem(
                        entry.path,
                        "is the file with which all have more than \(limits.bytes) bytes, the most that a working directory may have"
                    )
                }
                bytes = sum
            }
        }
        try Self.addParents(of: found, to: &kinds, limits)
        let links = Links(kinds)
        for entry in found {
            guard case .link(let target) = entry.kind else { continue }
            try links.check(target, of: entry, limits)
        }
        self.bytes = bytes
        entries = kinds.map { FolderEntry($0.key, $0.value) }.sorted { left, right in
            left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
        }
    }

    private static func tooMany(_ limits: FolderLimits) -> FolderProblem {
        FolderProblem("", "it has more than \(limits.entries) files, folders and links")
    }

    /// What is wrong with the path of an entry; `nil` if nothing is.
    static func problem(with path: String, _ limits: FolderLimits) -> String? {
        if path.isEmpty { return "an entry has no name" }
        if path.utf8.contains(0) { return "has a NUL byte in its name" }
        if path.utf8.contains(UInt8(ascii: "\\")) {
            return "has a backslash in its name, which some systems take for a '/'"
        }
        if path.hasPrefix("/") { return "is an absolute path; entries must lie below the working directory" }
        if path.utf8.count > limits.pathBytes { return "has a path of more than \(limits.pathBytes) bytes" }
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        if names.count > limits.depth { return "lies deeper than \(limits.depth) folders" }
        for name in names {
            if name.isEmpty { return "has an empty name in its path" }
            if name == "." || name == ".." {
                return "has '\(name)' in its path; entries must lie below the working directory"
            }
            if name.utf8.count > 255 { return "has a name of more than 255 bytes" }
        }
        return nil
    }

    private static func addParents(
        of found: [FolderEntry],
        to kinds: inout [String: FolderEntry.Kind],
        _ limits: FolderLimits
    ) throws(FolderProblem) {
        for entry in found {
            var rest = entry.parent
            while !rest.isEmpty {
                let parent = String(rest)
                if let kind = kinds[parent] {
                    guard kind == .folder else {
                        throw FolderProblem(entry.path, "lies in '\(parent)', which is no folder")
                    }
                } else {
                    kinds[parent] = .folder
                    if kinds.count > limits.entries { throw tooMany(limits) }
                }
                rest = rest.lastIndex(of: "/").map { rest[..<$0] } ?? ""
            }
        }
    }
}

/// Follows links as the system does, and notices when one leaves the working directory.
private struct Links {
    private let kinds: [String: FolderEntry.Kind]
    /// As many links in one path as Linux follows.
    private static let most = 40
    private static let maximumTargetBytes = 4095

    init(_ kinds: [String: FolderEntry.Kind]) {
        self.kinds = kinds
    }

    func check(_ target: String, of link: FolderEntry, _ limits: FolderLimits) throws(FolderProblem) {
        func refuse(_ what: String) -> FolderProblem { FolderProblem(link.path, "is a link to '\(target)', \(what)") }
        if target.isEmpty || target.utf8.contains(0) || target.utf8.count > Self.maximumTargetBytes {
            throw FolderProblem(link.path, "is a link to nothing that can be a path")
        }
        var place = link.parent.split(separator: "/")
        var rest = Array(target.split(separator: "/").reversed())
        if target.hasPrefix("/") {
            throw refuse("which is an absolute path; links must stay below the working directory")
        }
        var followed = 0
        while let name = rest.popLast() {
            switch name {
            case ".": continue
            case "..":
                if place.popLast() == nil { throw refuse("which leads out of the working directory") }
                continue
            default: place.append(name)
            }
            guard case .link(let next)? = kinds[place.joined(separator: "/")] else { continue }
            followed += 1
            if followed > Self.most { throw refuse("which leads through more than \(Self.most) links") }
            // An absolute one is refused where it is.
            place.removeLast()
            rest += next.split(separator: "/").reversed()
        }
    }
}
