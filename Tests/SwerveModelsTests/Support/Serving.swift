import Foundation
import Logging
import NIOCore
import Swerve
import SwerveModels
import SwerveTensor
import Testing

/// Tests that run applications, one after another.
@Suite(.serialized, .oneInstance, .timeLimit(.minutes(2))) struct ServedModels {}

/// Where replicas run: every behaviour is the same in both.
let placements: [DeploymentOptions.Placement] = [.process, .inProcess]

/// Runs an application under its own route while `body` runs, and passes `body` its handle and URL.
func withApplication<D: Deployment>(_ bound: D, _ body: (D, String) async throws -> Void) async throws {
    let name = "models-\(UUID().uuidString.prefix(8))"
    let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
    try await Serve.start(ServeOptions(port: 0, logger: logger))
    let handle = try await Serve.run(bound, name: name, routePrefix: "/\(name)")
    do {
        let port = await Serve.port ?? 0
        try await body(handle, "http://127.0.0.1:\(port)/\(name)")
    } catch {
        try? await Serve.delete(name)
        throw error
    }
    try await Serve.delete(name)
}

/// The awaited condition did not become true in time.
struct TooLong: Error, CustomStringConvertible {
    let description: String
}

/// Repeats a condition until it is true. The condition makes a call, which takes time, so this does not spin.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    while clock.now - start < .seconds(30) {
        if try await condition() { return }
        await Task.yield()
    }
    throw TooLong(description: "not within 30 seconds: \(what)")
}

/// A response as a client sees it.
struct Answer {
    let status: Int
    let headers: [String: String]
    let body: Data
    var text: String { String(decoding: body, as: UTF8.self) }
    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: body)
    }
}
