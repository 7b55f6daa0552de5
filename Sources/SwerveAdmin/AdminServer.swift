package import Logging
package import NIOCore
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveHTTPTypes

/// The server by which an instance is watched and changed from outside its program.
package final class AdminServer: Sendable {
    /// The port that it listens on.
    package let port: Int
    package let host: String
    /// The path of the file with the token.
    package var tokenFile: String { file.path }
    private let server: HTTPServer
    private let hub: EventHub
    private let file: AdminTokenFile
    private let events: Task<Void, Never>

    /// Connections at a time: 256.
    package static let maxConnections = 256

    private init(_ server: HTTPServer, _ hub: EventHub, _ file: AdminTokenFile, host: String, port: Int) {
        self.server = server
        self.hub = hub
        self.file = file
        self.host = host
        self.port = port
        // Unstructured: runs until `stop`.
        events = Task { await hub.run() }
    }

    /// - Parameter group: must outlive the server.
    /// - Throws: ``ServeError`` with code `addressInUse` if something already listens there, `invalidOptions` if the token
    ///   file is not safe, and `system`.
    package static func start(
        _ options: AdminOptions,
        _ source: any AdminSource,
        _ time: AdminTime,
        on group: any EventLoopGroup,
        logger: Logger
    ) async throws -> AdminServer {
        var random = SystemRandomNumberGenerator()
        // The user's own file decides before the server listens; that of the instance depends on the port.
        let kept = options.tokenFile == nil ? nil : try AdminTokenFile(options, port: options.port).read()
        let token = kept ?? AdminToken(from: &random)
        let hub = EventHub(source, time, limit: options.maxEventStreams)
        let access = AdminAccess(token, options)
        let api = AdminAPI(source, hub, time, access, logReaders: options.maxLogReaders)
        let service = AdminService(access, api.routes)
        let server: HTTPServer
        do {
            server = try await HTTPServer.start(
                at: .address(host: options.host, port: options.port),
                group: group,
                options: serverOptions,
                service: service,
                outOfDescriptors: {
                    logger.warning("admin connections cannot be accepted", metadata: ["reason": "\($0)"])
                }
            )
        } catch let error as ServeError {
            throw ServeError(error.code, "the admin server \(error.message)")
        }
        let port = server.localAddress?.port ?? options.port
        let file = AdminTokenFile(options, port: port)
        do {
            if kept == nil { try file.write(token) }
        } catch {
            await server.drain(deadline: .zero)
            throw error
        }
        logger.info(
            "the admin server is listening",
            metadata: ["host": "\(options.host)", "port": "\(port)", "token-file": "\(file.path)"]
        )
        return AdminServer(server, hub, file, host: options.host, port: port)
    }

    private static var serverOptions: HTTPServerOptions {
        var options = HTTPServerOptions()
        options.limits.maxBodyBytes = ServeRequest.maxContentBytes
        options.inlineBodyBytes = ServeRequest.maxContentBytes
        options.maxBufferedBytes = 64 << 20
        options.maxConnections = maxConnections
        options.errorBody = { status, message in
            AdminError.body(code: AdminError.code(of: HTTPStatus(status)), message: message)
        }
        return options
    }

    /// How long answers may take when the server ends: 1 second.
    package static let drainTimeout = Duration.seconds(1)

    /// Ends the event streams, lets other answers finish, and removes the instance's own token file.
    package func stop() async {
        events.cancel()
        hub.end()
        await server.drain(deadline: Self.drainTimeout)
        await events.value
        file.remove()
    }
}
