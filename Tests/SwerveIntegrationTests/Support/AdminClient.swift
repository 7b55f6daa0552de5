import Foundation
import NIOCore
import Swerve
import SwerveTesting
import TestSupport
import Testing

/// An admin server and its instance, as a client sees them.
struct AdminClient {
    let instance: ServeInstance
    let port: Int
    let token: String

    /// Sends a request with the right host and, for anything but `GET`, the token.
    func send(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        headers: [(String, String)]? = nil
    ) async throws -> Answer {
        try await Connection.open(port: port) { connection in
            try await connection.send(text(method, path, body, headers: headers))
            return try await connection.response()
        }
    }

    func text(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        headers: [(String, String)]? = nil
    ) -> String {
        var fields = headers ?? [("host", "127.0.0.1:\(port)")]
        if headers == nil, method != "GET" { fields.append(("authorization", "Bearer \(token)")) }
        if let body { fields.append(("content-length", "\(body.utf8.count)")) }
        let lines = fields.map { "\($0.0): \($0.1)\r\n" }.joined()
        return "\(method) \(path) HTTP/1.1\r\n\(lines)\r\n\(body ?? "")"
    }

    func json(_ path: String) async throws -> [String: Any] {
        let answer = try await send("GET", path)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.headers["content-type"] == "application/json")
        return try #require(object(answer))
    }

    /// Starts an instance whose options have an admin server, for the time of `body`.
    static func with(_ options: ServeOptions, _ body: (AdminClient) async throws -> Void) async throws {
        try await withTestInstance(options: options) { instance in
            try await instance.start()
            let file = try #require(await instance.adminTokenFile)
            let token = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
            let port = try #require(await instance.adminPort)
            try await body(AdminClient(instance: instance, port: port, token: token))
        }
    }
}

func object(_ answer: Answer) -> [String: Any]? {
    try? JSONSerialization.jsonObject(with: Data(answer.body.readableBytesView)) as? [String: Any]
}

/// The code in an error of the admin server.
func code(_ answer: Answer) -> String? { (object(answer)?["error"] as? [String: Any])?["code"] as? String }
