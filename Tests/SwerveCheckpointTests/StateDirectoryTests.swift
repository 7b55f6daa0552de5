import Foundation
import SwerveCheckpoint
import SwerveCore
import Testing

@Suite struct StateDirectoryTests {
    private let folder = TemporaryFolder()
    private var path: String { "\(folder.path)/deep/state" }

    @Test func `a directory that is missing is made, for this user alone`() throws {
        let directory = try StateDirectory(path)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test func `one instance at a time has it`() throws {
        let first = try StateDirectory(path)
        let error = #expect(throws: ServeError.self) { try StateDirectory(path) }
        #expect(error?.code == .stateInUse)
        withExtendedLifetime(first) {}
    }

    @Test func `the next one can have it`() throws {
        do { _ = try StateDirectory(path) }
        _ = try StateDirectory(path)
    }

    @Test func `a directory that others may enter is refused, with what to do`() throws {
        do { _ = try StateDirectory(path) }
        try FileManager.default.setAttributes([.posixPermissions: 0o750], ofItemAtPath: path)
        let error = #expect(throws: ServeError.self) { try StateDirectory(path) }
        #expect(error?.code == .stateUnusable)
        #expect(error?.message.contains("has mode 750") == true && error?.message.contains("chmod 700") == true)
    }

    @Test func `a file in its place is refused`() throws {
        try Data().write(to: URL(filePath: "\(folder.path)/file"))
        let error = #expect(throws: ServeError.self) { try StateDirectory("\(folder.path)/file") }
        #expect(error?.code == .stateUnusable)
    }

    @Test func `a place where nothing can be made is an error of the system`() throws {
        let error = #expect(throws: ServeError.self) { try StateDirectory("/proc/nothing/state") }
        #expect(error?.code == .system)
    }
}
