internal import NIOCore
internal import SwerveActors
internal import SwerveCore
public import SwerveHTTPTypes

/// The failure of a graph's node. It also fails every node made from that node, and the request.
///
/// ``cause`` is the error that the deployment's method threw, as a call through a handle would throw it. When the
/// request is cancelled, `CancellationError` is thrown instead.
public struct GraphNodeError: Error, Sendable, CustomStringConvertible {
    /// The node's name as pictures of the graph show it: `Segmenter.segment`.
    public let node: String
    public let cause: any Error

    public init(node: String, cause: any Error) {
        self.node = node
        self.cause = cause
    }

    public var description: String { "graph node '\(node)': \(cause)" }
}

/// Encodes the cause, too. A ``RemoteError`` replaces a cause that is not `Codable`, cannot be encoded, or cannot be
/// decoded by the receiver.
extension GraphNodeError: Codable {
    private enum CodingKeys: String, CodingKey { case node, type, cause, typeName, message }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(node, forKey: .node)
        let described = cause as? RemoteError
        try container.encode(described?.typeName ?? "\(Swift.type(of: cause))", forKey: .typeName)
        try container.encode(described?.message ?? "\(cause)", forKey: .message)
        guard let cause = cause as? any Error & Codable,
            let name = try? TypeNames.name(of: Swift.type(of: cause))
        else { return }
        // In a separate buffer, so that a cause whose encoding fails leaves nothing behind.
        let writer = BinaryWriter()
        guard (try? writer.region(cause)) != nil else { return }
        try container.encode(name, forKey: .type)
        try container.encode(writer.buffer, forKey: .cause)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let node = try container.decode(String.self, forKey: .node)
        self.node = node
        if let name = try container.decodeIfPresent(String.self, forKey: .type),
            let type = TypeNames.find(name) as? any (Error & Codable).Type,
            let region = try container.decodeIfPresent(ByteBuffer.self, forKey: .cause),
            let cause = try? EncodedValue(region: region, system: .of(decoder)).decode(as: type)
        {
            self.cause = cause
            return
        }
        self.cause = RemoteError(
            deployment: DeploymentID(application: "", deployment: node),
            replica: nil,
            typeName: try container.decode(String.self, forKey: .typeName),
            message: try container.decode(String.self, forKey: .message)
        )
    }
}

extension GraphNodeError: ServeHTTPErrorConvertible {
    /// The status that the cause stands for; the message names the node.
    public var httpError: ServeHTTPError? {
        ServeHTTPError(ServeResponse(for: cause).status, "graph node '\(node)': \(ServeResponse.message(for: cause))")
    }
}
