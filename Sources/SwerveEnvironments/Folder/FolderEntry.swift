/// One file, folder or link below a working directory, without its bytes.
package struct FolderEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case folder
        /// - Parameter size: how many bytes the source says that it has.
        case file(size: Int, isExecutable: Bool)
        /// - Parameter target: relative to the folder that has the link.
        case link(target: String)
    }

    /// From the working directory, with `/` between names, and none at its ends.
    package let path: String
    package let kind: Kind

    package init(_ path: String, _ kind: Kind) {
        self.path = path
        self.kind = kind
    }

    /// The path of the folder that it is in; empty for the working directory.
    package var parent: Substring { path.lastIndex(of: "/").map { path[..<$0] } ?? "" }
}

/// How large a working directory may be.
package struct FolderLimits: Hashable, Sendable {
    /// The bytes of all files together, unpacked: 2 GiB.
    package var bytes = 2 << 30
    /// Files, folders and links: 20 000.
    package var entries = 20_000
    /// The names in a path, one below the other: 64.
    package var depth = 64
    /// The bytes of a path from the working directory on: 1024.
    package var pathBytes = 1024
    /// The bytes of a ZIP file: 2 GiB.
    package var archiveBytes = 2 << 30

    package init() {}
}

/// Why a folder or a ZIP file cannot be a working directory: what is wrong, and with which entry.
package struct FolderProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path of the entry in the folder or the ZIP file; empty for all of it.
    package let entry: String
    package let reason: String
    /// Whether the same may work another time: the content changed, or the system failed.
    package let isPassing: Bool

    package init(_ entry: String = "", _ reason: String, isPassing: Bool = false) {
        self.entry = entry
        self.reason = reason
        self.isPassing = isPassing
    }

    package var description: String {
        entry.isEmpty ? reason : "'\(entry.debugDescription.dropFirst().dropLast())' \(reason)"
    }
}
