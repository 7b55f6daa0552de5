/// Turns HTTP requests into values of one type, as the input of a graph.
///
/// Adapters are sent to the replicas that use them, so their types are `Codable` and must not be private or local. An
/// error that they throw answers the request: an ``ServeHTTPError`` with its status.
public protocol HTTPAdapter<Input>: Codable, Sendable {
    associatedtype Input: Codable & Sendable
    func input(from request: ServeRequest) async throws -> Input
    /// The schema of the requests, for `/-/routes`; by default that of what ``Input`` decodes.
    var inputSchema: JSONSchema { get }
}

extension HTTPAdapter {
    public var inputSchema: JSONSchema { JSONSchema(decoding: Input.self) }
}

/// A type that reads itself from an HTTP request, unless another adapter is given.
public protocol HTTPInput: Codable, Sendable {
    /// - Throws: ``ServeHTTPError`` with the status that tells the client what is wrong.
    static func input(from request: ServeRequest) async throws -> Self
}

/// A type that turns itself into the answer to an HTTP request. Other types answer as JSON.
public protocol HTTPOutput: Codable, Sendable {
    func response(to request: ServeRequest) async throws -> ServeResponse
}

/// The default adapter: a type that is ``HTTPInput`` reads itself, others are read from JSON.
public struct AutomaticAdapter<Input: Codable & Sendable>: HTTPAdapter {
    public init() {}

    public func input(from request: ServeRequest) async throws -> Input {
        guard let type = Input.self as? any HTTPInput.Type else { return try await request.decodeJSON(Input.self) }
        return try await read(type, request)
    }

    private func read<Value: HTTPInput>(_ type: Value.Type, _ request: ServeRequest) async throws -> Input {
        let value = try await type.input(from: request)
        guard let input = value as? Input else { preconditionFailure("the type was found by a cast of Input") }
        return input
    }
}

/// Reads a JSON body. A field that does not fit is answered with status 422, which names it.
public struct JSONAdapter<Input: Codable & Sendable>: HTTPAdapter {
    /// How large the body may be; 64 MiB by default. A larger one is refused with 413.
    public var maxBytes: Int

    public init(_ type: Input.Type = Input.self, maxBytes: Int = HTTPBody.defaultCollectLimit) {
        self.maxBytes = maxBytes
    }

    public func input(from request: ServeRequest) async throws -> Input {
        try await request.decodeJSON(Input.self, maxBytes: maxBytes)
    }
}

/// Text is read from the body as it is, and sent as `text/plain`.
extension String: HTTPInput, HTTPOutput {
    public static func input(from request: ServeRequest) async throws -> String { try await request.body.text() }
    public func response(to request: ServeRequest) -> ServeResponse { .text(self) }
}
