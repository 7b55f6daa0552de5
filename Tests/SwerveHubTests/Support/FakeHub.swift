import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// A file in the fake hub's repository.
struct FakeFile: Sendable {
    let bytes: [UInt8]
    /// Whether it is a large file: identified by SHA-256, and in a storage if the hub has one.
    let isLarge: Bool
    let sha256: String
    let blobID: String

    init(_ text: String) { self.init(Array(text.utf8), isLarge: false) }

    init(large bytes: [UInt8]) { self.init(bytes, isLarge: true) }

    private init(_ bytes: [UInt8], isLarge: Bool) {
        self.bytes = bytes
        self.isLarge = isLarge
        sha256 = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
        var hash = Insecure.SHA1()
        hash.update(data: Array("blob \(bytes.count)\0".utf8))
        hash.update(data: bytes)
        blobID = hash.finalize().map { String(format: "%02x", $0) }.joined()
    }

    var etag: String { isLarge ? sha256 : blobID }
}

/// A request that arrived at a server.
struct Received: Hashable, Sendable {
    var method: String
    var path: String
    var authorization: String?
    var range: String?
    var ifRange: String?

    /// The first requested byte of the file.
    var start: Int { range.flatMap { Int($0.dropFirst("bytes=".count).dropLast()) } ?? 0 }

    init(_ request: Request) {
        method = request.method.rawValue
        path = request.uri.path
        authorization = request.headers[.authorization]
        range = request.headers[.range]
        ifRange = request.headers[.ifRange]
    }
}

/// A server that behaves like the hub, for one repository.
final class FakeHub: Sendable {
    static let commit = "0123456789abcdef0123456789abcdef01234567"
    static let otherCommit = "89abcdef0123456789abcdef0123456789abcdef"

    struct State {
        var files: [String: FakeFile] = [:]
        var revisions = ["main": FakeHub.commit]
        var received: [Received] = []
        /// Answers instead of the hub, unless it returns nil.
        var fault: (@Sendable (Received) async throws -> Response?)?
        /// The token that opens the repository; nil for a public one.
        var token: String?
        /// Where large files are redirected to.
        var storage: String?
        /// Names that are in the listing but not in the repository.
        var listed: [String] = []
    }

    let repository: String
    let state: Mutex<State>

    init(_ files: [String: FakeFile], repository: String = "owner/name") {
        self.repository = repository
        state = Mutex(State(files: files))
    }

    var received: [Received] { state.withLock(\.received) }

    /// How many times bytes of a file were requested.
    func downloads(_ path: String) -> Int {
        received.count { $0.method == "GET" && $0.path.hasSuffix("/\(path)") && $0.path.contains("/resolve/") }
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    func respond(to request: Request) async throws -> Response {
        let received = Received(request)
        let state = self.state.withLock { state in
            state.received.append(received)
            return state
        }
        if let response = try await state.fault?(received) { return response }
        if let token = state.token, received.authorization != "Bearer \(token)" {
            return FakeHub.error(401, "RepoNotFound", "Repository not found")
        }
        let parts = received.path.split(separator: "/").map { $0.removingPercentEncoding ?? "" }
        let name = repository.split(separator: "/").map(String.init)
        if parts.starts(with: ["api", "models"] + name), parts.count == name.count + 4 {
            let (kind, revision) = (parts[name.count + 2], parts[name.count + 3])
            guard let commit = FakeHub.commit(revision, state) else {
                return FakeHub.error(404, "RevisionNotFound", "Invalid rev id: \(revision)")
            }
            return kind == "tree" ? FakeHub.tree(state) : FakeHub.listing(repository, commit, state)
        }
        guard parts.starts(with: name + ["resolve"]), parts.count > name.count + 2 else {
            return FakeHub.error(404, "RepoNotFound", "Repository not found")
        }
        guard let commit = FakeHub.commit(parts[name.count + 1], state) else {
            return FakeHub.error(404, "RevisionNotFound", "Invalid rev id")
        }
        guard let file = state.files[parts[(name.count + 2)...].joined(separator: "/")] else {
            return FakeHub.error(404, "EntryNotFound", "Entry not found", commit: commit)
        }
        return FakeHub.answer(file, commit: commit, received, storage: state.storage)
    }

    /// The answer of a storage: it knows files by their hash, and nothing about commits.
    static func storage(_ files: [String: FakeFile], _ received: Received) -> Response {
        guard let file = files.values.first(where: { received.path.hasSuffix($0.sha256) }) else {
            return Response(status: .notFound)
        }
        return body(file, received, headers: [.eTag: "\"storage-\(file.sha256.prefix(8))\""])
    }

    private static func commit(_ revision: String, _ state: State) -> String? {
        state.revisions[revision] ?? (state.revisions.values.contains(revision) ? revision : nil)
    }

    static func error(_ status: Int, _ code: String, _ message: String, commit: String? = nil) -> Response {
        var headers: HTTPFields = [field("X-Error-Code"): code, field("X-Error-Message"): message]
        if let commit { headers[field("X-Repo-Commit")] = commit }
        return Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: .init(string: message)))
    }

    private static func listing(_ repository: String, _ commit: String, _ state: State) -> Response {
        var siblings: [[String: Any]] = state.files.sorted { $0.key < $1.key }.map { path, file in
            var sibling: [String: Any] = ["rfilename": path, "size": file.bytes.count, "blobId": file.blobID]
            if file.isLarge {
                sibling["lfs"] = ["sha256": file.sha256, "size": file.bytes.count, "pointerSize": 130]
            }
            return sibling
        }
        siblings += state.listed.map { ["rfilename": $0, "size": 3, "blobId": FakeFile("abc").blobID] }
        return json([
            "id": repository, "sha": commit, "siblings": siblings, "tags": [], "private": false, "downloads": 0,
        ])
    }

    private static func tree(_ state: State) -> Response {
        json(
            state.files.sorted { $0.key < $1.key }.map { path, file in
                var entry: [String: Any] = [
                    "type": "file", "path": path, "size": file.bytes.count, "oid": file.blobID,
                ]
                if file.isLarge { entry["lfs"] = ["oid": file.sha256, "size": file.bytes.count, "pointerSize": 130] }
                return entry
            }
        )
    }

    private static func json(_ value: Any) -> Response {
        let data = (try? JSONSerialization.data(withJSONObject: value)) ?? Data()
        return Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: data))
        )
    }

    static func answer(_ file: FakeFile, commit: String, _ received: Received, storage: String?) -> Response {
        var headers: HTTPFields = [field("X-Repo-Commit"): commit]
        guard file.isLarge else {
            headers[.eTag] = "\"\(file.etag)\""
            return body(file, received, headers: headers)
        }
        headers[field("X-Linked-Etag")] = "\"\(file.etag)\""
        headers[field("X-Linked-Size")] = "\(file.bytes.count)"
        guard let storage else { return body(file, received, headers: headers) }
        headers[.location] = "\(storage)/\(file.sha256)?signature=secret"
        return Response(status: .found, headers: headers)
    }

    private static func body(_ file: FakeFile, _ received: Received, headers: HTTPFields) -> Response {
        var headers = headers
        var status = HTTPResponse.Status.ok
        var bytes = file.bytes[...]
        if received.range != nil, received.ifRange == nil || received.ifRange == headers[.eTag] {
            let start = received.start
            guard start < bytes.count else { return Response(status: .rangeNotSatisfiable) }
            headers[.contentRange] = "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"
            status = .partialContent
            bytes = bytes[start...]
        }
        headers[.contentLength] = "\(bytes.count)"
        let body = received.method == "HEAD" ? ResponseBody() : .init(byteBuffer: ByteBuffer(bytes: bytes))
        return Response(status: status, headers: headers, body: body)
    }

    static func field(_ name: String) -> HTTPField.Name { HTTPField.Name(name)! }
}

/// Sends the first bytes of a file, then closes the connection.
func cut(_ file: FakeFile, after count: Int, from start: Int = 0) -> Response {
    let bytes = ByteBuffer(bytes: file.bytes[start..<(start + count)])
    var headers: HTTPFields = [.contentLength: "\(file.bytes.count - start)"]
    if start > 0 { headers[.contentRange] = "bytes \(start)-\(file.bytes.count - 1)/\(file.bytes.count)" }
    return Response(
        status: start > 0 ? .partialContent : .ok,
        headers: headers,
        body: ResponseBody { writer in
            try await writer.write(bytes)
            throw CancellationError()
        }
    )
}
