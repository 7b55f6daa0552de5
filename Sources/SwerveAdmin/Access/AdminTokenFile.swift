package import SwerveCore
internal import SwerveSystem

/// The file that holds the admin server's token. Only this user can read it.
package struct AdminTokenFile: Sendable {
    package let path: String
    /// Whether the instance removes it in the end.
    package let isOwn: Bool

    /// - Parameter port: the one that the server listens on.
    package init(_ options: AdminOptions, port: Int) {
        isOwn = options.tokenFile == nil
        path = options.tokenFile ?? Self.path(host: options.host, port: port)
    }

    /// Where the token of a server is unless its options say otherwise, so that the command line finds it.
    package static func path(host: String, port: Int) -> String {
        let isUsual = HostName(option: host).isLoopback || HostName(option: host).isEveryAddress
        let name = isUsual ? "\(port)" : "\(host.replacing(":", with: "_"))-\(port)"
        return "\(folder)/admin-\(name).token"
    }

    private static var folder: String {
        let runtime = ThisProcess.environmentVariable("XDG_RUNTIME_DIR") ?? ""
        return runtime.hasPrefix("/") ? "\(runtime)/swerve" : "/tmp/swerve-\(ThisProcess.userID)"
    }

    /// The token in the file; `nil` if there is no file.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` if others can read or replace it, or it holds no token.
    package func read() throws(ServeError) -> AdminToken? {
        guard let status = FileStatus(path, followingLinks: false) else { return nil }
        guard status.kind == .file, status.owner == ThisProcess.userID, status.permissions & 0o077 == 0 else {
            throw ServeError(
                .invalidOptions,
                "the token file '\(path)' must be a regular file of this user that nobody else can read (chmod 600)"
            )
        }
        let bytes: [UInt8]
        do { bytes = try FileSystem.read(path, limit: AdminToken.maximumLength + 2) } catch {
            throw ServeError(.system, "the token file cannot be read: \(error)")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let token = AdminToken(String(text.prefix { !$0.isNewline })) else {
            throw ServeError(
                .invalidOptions,
                "the token file '\(path)' must hold one line of at least \(AdminToken.minimumLength) letters, digits and "
                    + "-._~+/=; remove it to get a new one"
            )
        }
        return token
    }

    /// Writes the token, in a folder that only this user can enter if it is the instance's own file.
    package func write(_ token: AdminToken) throws(ServeError) {
        do {
            if isOwn { try Self.makeFolder() }
            try FileSystem.write(Array("\(token.text)\n".utf8), to: path, mode: 0o600)
        } catch let error as ServeError {
            throw error
        } catch {
            throw ServeError(.system, "the token file cannot be written: \(error)")
        }
    }

    package func remove() { if isOwn { try? FileSystem.remove(path) } }

    private static func makeFolder() throws {
        if FileStatus(folder, followingLinks: false) == nil { try? FileSystem.makeFolder(folder, mode: 0o700) }
        guard let status = FileStatus(folder, followingLinks: false), status.kind == .folder,
            status.owner == ThisProcess.userID, status.permissions & 0o077 == 0
        else {
            throw ServeError(
                .system,
                "the token's folder '\(folder)' must be a folder of this user that nobody else can enter (chmod 700)"
            )
        }
    }
}
