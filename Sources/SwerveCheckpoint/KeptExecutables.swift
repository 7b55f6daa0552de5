package import SwerveCore
internal import SwerveSystem

/// Copies of the program's builds, so that what one build deployed still starts when another one has replaced it.
///
/// They are copies and not hard links: with a link, who copies a new build over the program's file changes the kept one,
/// too.
package struct KeptExecutables: Sendable {
    private let folder: String
    private let version: Int

    /// At most this many builds are kept. One more is not kept as long as applications need the others.
    package static let limit = 16

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
        let path = "\(folder)/\(name(of: build))"
        return FileSystem.isFile(path) ? path : nil
    }

    /// Keeps the program that runs, also if its file was removed or replaced since.
    ///
    /// - Parameter build: the program's own; no other one has the same.
    /// - Throws: ``ServeError`` with code `system` if it cannot be copied, or so many are kept already.
    package func keepThisProgram(as build: String) throws(ServeError) {
        guard path(of: build) == nil else { return }
        if FileSystem.names(in: folder).count >= Self.limit {
            throw ServeError(
                .system,
                "the executables of \(Self.limit) builds are kept in '\(folder)'; deploy or delete their applications"
            )
        }
        do {
            if !FileSystem.isFolder(folder) { try FileSystem.makeFolder(folder, mode: 0o700) }
            try FileSystem.copy(ThisProcess.runningExecutable, to: "\(folder)/\(name(of: build))", mode: 0o500)
        } catch {
            throw ServeError(.system, "the program's executable cannot be kept: \(error)")
        }
    }

    /// Removes what is not needed: other builds, other versions, and copies that were interrupted.
    package func removeAll(except builds: Set<String>) {
        let needed = Set(builds.map { name(of: $0) })
        // What cannot be removed now is removed another time.
        for name in FileSystem.names(in: folder) where !needed.contains(name) {
            try? FileSystem.remove("\(folder)/\(name)")
        }
    }
}
