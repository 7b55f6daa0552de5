internal import ArgumentParser
internal import AsyncHTTPClient
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import SwerveSystem

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Which instance a command is about, and how it may change it.
struct InstanceOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: "The address of the instance's admin server; the variable SWERVE_ADDRESS, else http://127.0.0.1:8265."
    )
    var address: String?

    @Option(
        help: "The file with the token; the variable SWERVE_TOKEN_FILE, else where an instance of this user puts it."
    )
    var tokenFile: String?
}

/// Talks to an instance's admin server.
struct AdminClient {
    /// How long an answer may take: deploys and deletions end in the background, so little.
    static let timeout = TimeAmount.seconds(30)
    /// The longest answer: 64 MiB.
    static let maxAnswerBytes = 64 << 20

    /// Does not try again: whether an instance runs is to be known at once. It lives as long as the process.
    private static let client = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()

    let address: String
    private let token: String?
    private let tokenPath: String

    init(_ options: InstanceOptions) throws {
        let named = options.address ?? ThisProcess.environmentVariable("SWERVE_ADDRESS") ?? "http://127.0.0.1:8265"
        var address = named.contains("://") ? named : "http://\(named)"
        while address.hasSuffix("/") { address.removeLast() }
        guard let url = URL(string: address), let host = url.host(), !host.isEmpty else {
            throw Failure("'\(named)' is not an address; write http://HOST:PORT")
        }
        self.address = address
        let given = options.tokenFile ?? ThisProcess.environmentVariable("SWERVE_TOKEN_FILE")
        tokenPath = given ?? Self.usualTokenFile(port: url.port ?? 80)
        let text = (try? FileSystem.read(tokenPath, limit: 4096)).map { String(decoding: $0, as: UTF8.self) }
        if given != nil, text == nil { throw Failure("the token file '\(tokenPath)' cannot be read") }
        token = text.map { String($0.filter { !$0.isWhitespace }) }
    }

    /// Where an instance of this user on this machine puts the token of its admin server.
    private static func usualTokenFile(port: Int) -> String {
        let runtime = ThisProcess.environmentVariable("XDG_RUNTIME_DIR") ?? ""
        let folder = runtime.isEmpty ? "/tmp/swerve-\(ThisProcess.userID)" : "\(runtime)/swerve"
        return "\(folder)/admin-\(port).token"
    }

    /// Why the server refuses a request: `error.message`, or `error` where the API is Ray's.
    private static func reason(in content: Data) -> String {
        struct Content: Decodable { var message: String }
        struct Refusal: Decodable { var error: Content }
        struct RayRefusal: Decodable { var error: String }
        let decoder = JSONDecoder()
        if let refusal = try? decoder.decode(Refusal.self, from: content) { return refusal.error.message }
        if let refusal = try? decoder.decode(RayRefusal.self, from: content) { return refusal.error }
        return String(decoding: content, as: UTF8.self)
    }

    /// - Returns: the content of the answer.
    /// - Throws: ``Failure`` with the server's reason; ``ExitCode`` 69 if no instance answers, 77 if the token is refused.
    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ content: Data? = nil,
        timeout: TimeAmount = Self.timeout
    ) async throws -> Data {
        var request = request(method, path)
        if let content {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(content)
        }
        let response: HTTPClientResponse
        let body: ByteBuffer
        do {
            response = try await Self.client.execute(request, timeout: timeout)
            body = try await response.body.collect(upTo: Self.maxAnswerBytes)
        } catch {
            throw Failure("no instance answers at \(address): start one with 'swerve start' (\(error))", code: 69)
        }
        let data = Data(buffer: body)
        guard (200..<300).contains(response.status.code) else { throw refusal(response.status, data) }
        return data
    }

    private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        return request
    }

    private func refusal(_ status: HTTPResponseStatus, _ data: Data) -> Failure {
        let message = Self.reason(in: data)
        guard status != .unauthorized, status != .forbidden else {
            return Failure("\(message) (the token was looked for in '\(tokenPath)')", code: 77)
        }
        return Failure(message)
    }

    /// The longest line of an answer that goes on: 16 MiB.
    private static let maxLineBytes = 16 << 20

    /// Reads an answer that goes on, and calls `show` with each of its lines that is not empty, until the instance ends.
    ///
    /// - Throws: as ``send(_:_:_:timeout:)``, and what `show` throws.
    func follow(_ path: String, _ show: (String) throws -> Void) async throws {
        let response: HTTPClientResponse
        do {
            response = try await Self.client.execute(request(.GET, path), deadline: .distantFuture)
        } catch {
            throw Failure("no instance answers at \(address): start one with 'swerve start' (\(error))", code: 69)
        }
        guard response.status == .ok else {
            throw refusal(response.status, Data(buffer: try await response.body.collect(upTo: Self.maxAnswerBytes)))
        }
        var line: [UInt8] = []
        var parts = response.body.makeAsyncIterator()
        while true {
            let part: ByteBuffer?
            do { part = try await parts.next() } catch {
                throw Failure("the instance at \(address) does not answer any more (\(error))", code: 69)
            }
            guard let part else { return }
            for byte in part.readableBytesView {
                if byte != UInt8(ascii: "\n") {
                    line.append(byte)
                } else if !line.isEmpty {
                    try show(String(decoding: line, as: UTF8.self))
                    line.removeAll(keepingCapacity: true)
                }
            }
            guard line.count <= Self.maxLineBytes else { throw Failure("the instance sends a line without an end") }
        }
    }

    func status() async throws -> StatusReport {
        try Self.decode(StatusReport.self, try await send(.GET, "/api/v1/status"))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch {
            throw Failure("the answer cannot be read; perhaps the instance has another version: \(error)")
        }
    }
}
