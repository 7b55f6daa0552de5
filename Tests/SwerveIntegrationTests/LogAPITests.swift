import Foundation
import NIOCore
import Swerve
import SwerveCore
import SwerveLogs
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// Logs over the admin server, and what they and its other answers must not say.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct LogAPITests {
        private struct Client {
            let instance: ServeInstance
            let store: LogStore
            let port: Int
            let token: String

            func text(_ method: String, _ path: String, _ body: String = "", isTrusted: Bool = true) -> String {
                let authorization = isTrusted ? "authorization: Bearer \(token)\r\n" : ""
                return "\(method) \(path) HTTP/1.1\r\nhost: localhost\r\n\(authorization)"
                    + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
            }

            func send(_ method: String, _ path: String, _ body: String = "", isTrusted: Bool = true) async throws
                -> Answer
            {
                try await Connection.open(port: port) { connection in
                    try await connection.send(text(method, path, body, isTrusted: isTrusted))
                    return try await connection.response()
                }
            }

            func lines(_ query: String) async throws -> [[String: Any]] {
                let answer = try await send("GET", "/api/v1/logs\(query)")
                #expect(answer.status == 200, "\(answer.text)")
                let page = try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]
                return try #require(page?["lines"] as? [[String: Any]])
            }
        }

        private func withAdmin(maxLogReaders: Int = 16, _ body: (Client) async throws -> Void) async throws {
            var options = ServeOptions.testing
            options.admin = AdminOptions(port: 0, maxLogReaders: maxLogReaders)
            try await withTestInstance(options: options) { instance in
                try await instance.start()
                let file = try #require(await instance.adminTokenFile)
                let token = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
                let port = try #require(await instance.adminPort)
                let store = try #require(await instance.logs)
                try await body(Client(instance: instance, store: store, port: port, token: token))
            }
        }

        @Test func `reading logs takes the token, although this is loopback`() async throws {
            try await withAdmin { client in
                let logs = try await client.send("GET", "/api/v1/logs", isTrusted: false)
                let followed = try await client.send("GET", "/api/v1/logs?follow=true", isTrusted: false)
                let trusted = try await client.send("GET", "/api/v1/logs")
                let status = try await client.send("GET", "/api/v1/status", isTrusted: false)
                #expect(logs.status == 401 && followed.status == 401)
                #expect(trusted.status == 200 && status.status == 200)
            }
        }

        @Test func `lines of a real replica can be asked for by its deployment and its name`() async throws {
            try await withAdmin { client in
                let instance = client.instance
                try await instance.run(Talker.bind(listener: Listener.bind()), name: "talk", routePrefix: "/talk")
                _ = try await fetch("/talk/x", headers: ["x-request-id": "r"], port: await instance.port)
                try await eventually("it is there") { try await !client.lines("?contains=heard").isEmpty }
                let heard = try #require(try await client.lines("?deployment=talk/Listener&level=notice").first)
                #expect(heard["level"] as? String == "notice" && heard["deployment"] as? String == "Listener")
                let message = try #require(heard["message"] as? String)
                #expect(message.hasPrefix("test.listener: heard") && message.hasSuffix("request_id=r"))
                let name = try #require(heard["process"] as? String)
                let path = name.replacing("/", with: "%2F").replacing("#", with: "%23")
                #expect(try await client.lines("?replica=\(path)&lines=1").first?["process"] as? String == name)
                let unknown = try await client.send("GET", "/api/v1/logs?process=talk%2FListener%2399")
                #expect(unknown.status == 404 && unknown.text.contains("did you mean"), "\(unknown.text)")
                #expect(try await client.send("GET", "/api/v1/logs?lines=0").status == 400)
            }
        }

        @Test
        func `one who follows gets the lines that are there and those that come, and the number of those is limited`()
            async throws
        {
            try await withAdmin(maxLogReaders: 1) { client in
                client.store.add(["first"], from: .proxy(1), .error)
                try await Connection.open(port: client.port) { connection in
                    try await connection.send(client.text("GET", "/api/v1/logs?follow=true&process=proxy"))
                    let head = try await connection.head()
                    #expect(head.status == 200 && head.headers["content-type"] == "application/x-ndjson")
                    var text = ""
                    func read(until wanted: String) async throws {
                        while !text.contains(wanted), let chunk = try await connection.chunk() {
                            text += String(buffer: chunk)
                        }
                    }
                    try await read(until: "first")
                    #expect(try await client.send("GET", "/api/v1/logs?follow=true").status == 503)
                    client.store.add(["of another"], from: .controller(1), .error)
                    client.store.add(["second", "third"], from: .proxy(1), .error)
                    try await read(until: "third")
                    let messages = try text.split(separator: "\n").map { line in
                        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                        return object?["message"] as? String
                    }
                    #expect(messages == ["first", "second", "third"])
                }
                // Its place is free once it is gone.
                try await eventually("nobody follows") { client.store.readerCount == 0 }
            }
        }

        @Test func `one who follows and takes nothing holds up nobody, and learns that lines are missing`() async throws
        {
            try await withAdmin { client in
                try await Connection.open(port: client.port) { connection in
                    try await connection.send(client.text("GET", "/api/v1/logs?follow=true"))
                    #expect(try await connection.head().status == 200)
                    // More than sockets, buffers and the store have room for.
                    let line = String(repeating: "x", count: 8000)
                    for _ in 0..<5000 { client.store.add([line], from: .proxy(1), .output) }
                    client.store.add(["the last one"], from: .proxy(1), .output)
                    var text = ""
                    while !text.contains("the last one"), let chunk = try await connection.chunk() {
                        text = String(text.suffix(20)) + String(buffer: chunk)
                        if text.contains("{\"has_gap\":true}") { break }
                    }
                    #expect(text.contains("{\"has_gap\":true}"))
                }
            }
        }

        @Test func `the end of the instance ends those who follow`() async throws {
            var connection: Task<Void, any Error>?
            try await withAdmin { client in
                let (begun, begin) = AsyncStream.makeStream(of: Void.self)
                connection = Task {
                    try await Connection.open(port: client.port) { connection in
                        try await connection.send(client.text("GET", "/api/v1/logs?follow=true"))
                        _ = try await connection.head()
                        begin.yield()
                        while try await connection.chunk() != nil {}
                    }
                }
                for await _ in begun { break }
            }
            _ = await connection?.result
        }

        // MARK: Secrets

        @Test func `variables and arguments of a configuration are in no answer, no log and no error`() async throws {
            let executable = Program.product("entry-application").path()
            func config(_ secret: String, times: String = "1") -> String {
                """
                {"applications": [{"name": "s", "route_prefix": "/s", "import_path": "\(executable):shouting",
                  "args": {"text": "\(secret)", "times": \(times)},
                  "runtime_env": {"env_vars": {"API_KEY": "\(secret)", "SAME": "hello"}}}]}
                """
            }
            try await withAdmin { client in
                #expect(try await client.send("PUT", "/api/serve/applications", config("swordfish")).status == 200)
                try await client.instance.waitUntilHealthy("s")
                let plan = try await client.send("POST", "/api/v1/plan", config("sesame"))
                #expect(plan.text.contains("environment variables API_KEY"))
                #expect(!plan.text.contains("SAME"))
                var answers = [plan.text]
                for path in [
                    "/api/v1/status", "/api/serve/applications/", "/api/v1/processes",
                    "/api/v1/applications/s/revisions",
                ] {
                    let answer = try await client.send("GET", path, isTrusted: false)
                    #expect(answer.status == 200, "\(path)")
                    answers.append(answer.text)
                }
                let wrong = try await client.send("POST", "/api/v1/plan", config("sesame", times: "\"swordfish\""))
                #expect(wrong.status == 400, "\(wrong.text)")
                answers.append(wrong.text)
                answers.append(try await client.send("GET", "/api/v1/logs?lines=10000").text)
                for answer in answers {
                    #expect(!answer.contains("swordfish") && !answer.contains("sesame"), "\(answer)")
                }
                // Its owner gets it back.
                #expect(try await client.send("GET", "/api/serve/applications/").text.contains("swordfish"))
            }
        }
    }
}
