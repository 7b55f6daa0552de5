import Foundation
import NIOCore
import Swerve
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct AdminEvents {
        private func withAdmin(
            maxEventStreams: Int = 64,
            _ body: (ServeInstance, Int) async throws -> Void
        ) async throws {
            var options = ServeOptions.testing
            options.admin = AdminOptions(port: 0, maxEventStreams: maxEventStreams)
            try await withTestInstance(options: options) { instance in
                try await instance.start()
                try await body(instance, try #require(await instance.adminPort))
            }
        }

        private static let request = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n"

        /// Reads the events of a stream whose head was read, until one has the number of replicas.
        private func read(_ connection: Connection, until replicas: Int) async throws {
            var text = ""
            while let chunk = try await connection.chunk() {
                text += String(buffer: chunk)
                while let end = text.range(of: "\n\n") {
                    let event = text[..<end.lowerBound]
                    text = String(text[end.upperBound...])
                    guard let data = event.split(separator: "\n").first(where: { $0.hasPrefix("data: ") }) else {
                        continue
                    }
                    let json = try JSONSerialization.jsonObject(with: Data(data.dropFirst(6).utf8)) as? [String: Any]
                    let applications = json?["applications"] as? [String: [String: Any]]
                    let deployments = applications?["m"]?["deployments"] as? [String: [String: Any]]
                    if (deployments?["Model"]?["replicas"] as? [Any])?.count == replicas { return }
                }
            }
            throw Connection.Closed()
        }

        @Test func `a stream tells the status now, and a scale when it happens`() async throws {
            try await withAdmin { instance, port in
                try await instance.run(Model.options(placement: .inProcess).bind(), name: "m", routePrefix: nil)
                try await Connection.open(port: port) { connection in
                    try await connection.send(Self.request)
                    let head = try await connection.head()
                    #expect(head.status == 200 && head.headers["content-type"] == "text/event-stream")
                    try await read(connection, until: 1)
                    try await instance.scale("Model", application: "m", to: 3)
                    try await read(connection, until: 3)
                }
            }
        }

        @Test func `a reader that takes nothing holds up nobody, and gets the latest once it reads`() async throws {
            try await withAdmin { instance, port in
                let model = Model.options(numReplicas: 2, placement: .inProcess)
                try await instance.run(model.bind(), name: "m", routePrefix: nil)
                try await Connection.open(port: port) { slow in
                    try await slow.send(Self.request)
                    _ = try await slow.head()
                    try await Connection.open(port: port) { fast in
                        try await fast.send(Self.request)
                        _ = try await fast.head()
                        for count in [1, 3, 1, 4] {
                            try await instance.scale("Model", application: "m", to: count)
                            try await read(fast, until: count)
                        }
                    }
                    try await read(slow, until: 4)
                }
            }
        }

        @Test func `one stream more than the limit gets 503 until another one is closed`() async throws {
            try await withAdmin(maxEventStreams: 1) { _, port in
                try await Connection.open(port: port) { first in
                    try await first.send(Self.request)
                    #expect(try await first.head().status == 200)
                    try await Connection.open(port: port) { second in
                        try await second.send(Self.request)
                        let answer = try await second.response()
                        #expect(answer.status == 503 && answer.headers["retry-after"] == "1")
                        #expect(code(answer) == "unavailable")
                    }
                }
                try await eventually("the first stream's place is free") {
                    try await Connection.open(port: port) { next in
                        try await next.send(Self.request)
                        return try await next.head().status == 200
                    }
                }
            }
        }

        @Test func `a shutdown ends open streams, and the token file is gone`() async throws {
            try await withAdmin { instance, port in
                let file = try #require(await instance.adminTokenFile)
                #expect(FileManager.default.fileExists(atPath: file))
                try await Connection.open(port: port) { connection in
                    try await connection.send(Self.request)
                    _ = try await connection.head()
                    await instance.shutdown()
                    while try await connection.chunk() != nil {}
                }
                #expect(await instance.adminPort == nil)
                #expect(!FileManager.default.fileExists(atPath: file))
            }
        }

        @Test func `a shutdown that the server is asked for ends the instance and who waits for it`() async throws {
            try await withAdmin { instance, port in
                let token = try String(contentsOfFile: try #require(await instance.adminTokenFile), encoding: .utf8)
                async let ended: Void = instance.waitForShutdownSignal()
                let answer = try await Connection.open(port: port) { connection in
                    try await connection.send(
                        "POST /api/v1/shutdown HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer "
                            + token.trimmingCharacters(in: .newlines) + "\r\n\r\n"
                    )
                    return try await connection.response()
                }
                #expect(answer.status == 202)
                try await ended
                #expect(await instance.adminPort == nil)
            }
        }
    }
}
