import Foundation
import NIOCore
import Swerve
import SwerveModels
import SwerveTensor
import SwerveTesting
import TestSupport
import Testing

/// Tests that run applications.
@Suite(.serialized, .ownInstance, .timeLimit(.minutes(5))) struct ServedModels {}

/// Where replicas run: every behaviour is the same in both.
let placements = DeploymentOptions.Placement.all

/// Runs an application under a route of its own for the time of `body`, which gets its handle and its URL.
func withApplication<D: Deployment>(_ bound: D, _ body: (D, String) async throws -> Void) async throws {
    let name = "models-\(UUID().uuidString.prefix(8))"
    let handle = try await instance.run(bound, name: name, routePrefix: "/\(name)")
    do {
        let port = await instance.port ?? 0
        try await body(handle, "http://127.0.0.1:\(port)/\(name)")
    } catch {
        try? await instance.delete(name)
        throw error
    }
    try await instance.delete(name)
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
