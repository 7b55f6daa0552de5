package import SwerveCore
internal import SwerveSystem

/// Copies of executables: of the program's own builds, so that what one build deployed still starts when another one has
/// replaced it, and of other programs whose applications were deployed.
///
/// They are copies and not hard links: with a link, who copies a new build over the program's file changes the kept one,
/// too.
package struct KeptExecutables: Sendable {
    private let folder: String
    private let version: Int

    /// At most this many executables are kept. One more is not kept as long as applications need the others.
    package static let limit = 32
    /// How long a copy of another program stays that no application needs: a minute, so that a deploy can come.
    static let grace = 60
    /// How long a copy stays that has no name yet: a quarter of an hour, more than a program may take to describe itself.
    static let draftGrace = 900
    /// How many builds stay that only going back to an earlier revision needs.
    package static let spare = 8
    private static let draftPrefix = "draft-"
    private static let programPrefix = "program-"

    /// - Parameters:
    ///   - folder: where they are; it is made when the first one is kept.
    ///   - version: of what processes tell each other. A build with another one cannot work with this program.
    package init(in folder: String, version: Int) {
        self.folder = folder
        self.version = version
    }

    private func name(of build: String) -> String { "\(build)-\(version)" }

    /// The executable of a build; `nil` if it is not kept, or cannot work with this program.
    package func path(of build: String) -> String? {
        let paths = ["\(folder)/\(name(of: build))", "\(folder)/\(Self.programPrefix)\(name(of: build))"]
        return paths.first(where: FileSystem.isFile)
    }

    /// Keeps the program that runs, also if its file was removed or replaced since.
    ///
    /// - Parameter build: the program's own; no other one has the same.
    /// - Throws: ``ServeError`` with code `system` if it cannot be copied, or so many are kept already.
    package func keepThisProgram(as build: String) throws(ServeError) {
        guard path(of: build) == nil else { return }
        try copy(ThisProcess.runningExecutable, to: "\(folder)/\(name(of: build))")
    }

    /// Copies the executable of another program, whose build is not known before the copy has run.
    ///
    /// - Returns: the copy's path, for ``keep(_:as:)``.
    /// - Throws: ``ServeError`` with code `notFound` if there is no such file, `system` if it cannot be copied, or so many
    ///   are kept already.
    package func draft(of program: String) throws(ServeError) -> String {
        guard FileSystem.isFile(program) else {
            throw ServeError(.notFound, "there is no executable '\(program)'")
        }
        let path = "\(folder)/\(Self.draftPrefix)\(UInt64.random(in: .min ... .max))"
        try copy(program, to: path)
        return path
    }

    /// Keeps a copy that ``draft(of:)`` made.
    ///
    /// - Throws: ``ServeError`` with code `system` if it cannot be renamed.
    package func keep(_ draft: String, as build: String) throws(ServeError) {
        guard path(of: build) == nil else { return discard(draft) }
        do {
            try FileSystem.rename(draft, to: "\(folder)/\(Self.programPrefix)\(name(of: build))")
        } catch {
            throw ServeError(.system, "the executable '\(draft)' cannot be kept: \(error)")
        }
    }

    /// Removes a copy that ``draft(of:)`` made.
    package func discard(_ draft: String) { try? FileSystem.remove(draft) }

    private func copy(_ source: String, to path: String) throws(ServeError) {
        if copies.count >= Self.limit {
            throw ServeError(
                .system,
                "\(Self.limit) executables are kept in '\(folder)'; delete applications that need them, or wait a minute"
            )
        }
        do {
            if !FileSystem.isFolder(folder) { try FileSystem.makeFolder(folder, mode: 0o700) }
            try FileSystem.copy(source, to: path, mode: 0o500)
        } catch {
            throw ServeError(.system, "the executable '\(source)' cannot be kept: \(error)")
        }
    }

    private var copies: [String] { FileSystem.names(in: folder).filter { $0 != Self.spareName } }

    /// Keeps builds that going back to an earlier revision needs, beside those that run. It replaces those that were
    /// given before, also by an earlier process.
    ///
    /// - Parameter builds: the first ``spare`` are kept.
    /// - Throws: ``ServeError`` with code `system` if that cannot be written down.
    package func spare(_ builds: [String]) throws(ServeError) {
        let text = builds.prefix(Self.spare).joined(separator: "\n")
        guard text != spared.joined(separator: "\n") else { return }
        do {
            if !FileSystem.isFolder(folder) { try FileSystem.makeFolder(folder, mode: 0o700) }
            try FileSystem.write(Array(text.utf8), to: "\(folder)/\(Self.spareName)", mode: 0o600)
        } catch {
            throw ServeError(.system, "executables for going back cannot be kept in '\(folder)': \(error)")
        }
    }

    /// A file with the builds, a line for each. The process of a separate controller removes executables, and the
    /// instance's knows which are spared.
    private static let spareName = "spare"
    private var spared: [String] {
        let bytes = (try? FileSystem.read("\(folder)/\(Self.spareName)", limit: 1 << 16)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Removes what is not needed: other builds, other versions, and copies that were interrupted.
    package func removeAll(except builds: Set<String>) {
        var needed = Set(builds.union(spared).map { name(of: $0) })
        needed.formUnion(needed.map { Self.programPrefix + $0 })
        // What cannot be removed now is removed another time.
        for name in copies where !needed.contains(name) && !isYoung(name) {
            try? FileSystem.remove("\(folder)/\(name)")
        }
    }

    /// Whether a copy may belong to a deploy that is under way.
    private func isYoung(_ name: String) -> Bool {
        let grace =
            name.hasPrefix(Self.draftPrefix) ? Self.draftGrace : name.hasPrefix(Self.programPrefix) ? Self.grace : 0
        guard grace > 0, let status = FileStatus("\(folder)/\(name)") else { return false }
        return WallClock.seconds - status.changedSeconds < grace
    }
}
