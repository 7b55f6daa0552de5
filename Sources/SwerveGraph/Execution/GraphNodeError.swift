internal import SwerveActors
internal import SwerveCore
public import SwerveHTTPTypes

/// The failure of a graph's node, and with it of every node made of it and of the request.
///
/// ``cause`` is what the deployment's method threw, as a call through a handle would throw it. When the request is
/// cancelled, `CancellationError` is thrown instead.
public struct GraphNodeError: Error, Sendable, CustomStringConvertible {
    /// The node's name, as pictures of the graph show it: `Segmenter.segment`.
    public let node: String
    public let cause: any Error

    public init(node: String, cause: any Error) {
        self.node = node
        self.cause = cause
    }

    public var description: String { "graph node '\(node)': \(cause)" }
}

/// Travels with its cause, or with a ``RemoteError`` in the cause's place where that is not `Codable`.
extension GraphNodeError: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(node)
        if let cause = cause as? any Error & Codable, let name = try? TypeNames.name(of: type(of: cause)) {
            try container.encode(name)
            try container.encode(cause)
        } else {
            let described = RemoteError(
                deployment: DeploymentID(application: "", deployment: node),
                replica: nil,
                typeName: "\(type(of: cause))",
                message: "\(cause)"
            )
            try container.encode(try TypeNames.name(of: RemoteError.self))
            try container.encode(described)
        }
    }

    public init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        self.node = try container.decode(String.self)
        let name = try container.decode(String.self)
        guard let type = TypeNames.find(name) as? any (Error & Codable).Type else { throw TypeNames.unknown(name) }
        self.cause = try container.decode(type)
    }
}

extension GraphNodeError: HTTPErrorConvertible {
    /// The status that the cause stands for; the message names the node.
    public var httpError: HTTPError? {
        HTTPError(HTTPResponse(for: cause).status, "graph node '\(node)': \(HTTPResponse.message(for: cause))")
    }
}
