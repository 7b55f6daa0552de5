import SwerveSystem
import Testing

/// Runs the body with a new folder, which is removed afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try FileSystem.makeTemporaryFolder("/tmp/swerve-system-test-")
    defer { removeAll(folder) }
    return try body(folder)
}

private func removeAll(_ path: String) {
    if FileStatus(path, followingLinks: false)?.kind == .folder {
        for name in FileSystem.names(in: path) { removeAll("\(path)/\(name)") }
        FileSystem.removeEmptyFolder(path)
    } else {
        try? FileSystem.remove(path)
    }
}

/// Makes a file for everybody to read.
func makeFile(_ path: String, _ text: String = "") throws {
    try FileSystem.write(Array(text.utf8), to: path, mode: 0o644)
}

/// The failure of the body.
func failure(_ body: () throws -> Void) -> SystemFailure? {
    do {
        try body()
    } catch {
        return error as? SystemFailure
    }
    Issue.record("it did not fail")
    return nil
}
