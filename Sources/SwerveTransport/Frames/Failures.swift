internal import NIOCore
internal import SwerveActors
internal import SwerveCore

/// How an error that a replica's method threw travels to the caller.
enum Failures {
    private enum Kind: UInt8 { case cancelled, serve, user, remote }

    /// When an error is too long for a frame, its text is cut to this many bytes.
    private static let longestText = 16 << 10

    static func encode(_ error: any Error, thrownBy replica: ReplicaID?) -> ByteBuffer {
        let frame = encodeWhole(error, thrownBy: replica)
        guard frame.readableBytes > StreamLimits.window else { return frame }
        if var error = error as? ServeError {
            error.message = cut(error.message)
            return whole(.serve, error) ?? begin(.cancelled).buffer
        }
        var described = error as? RemoteError ?? describe(error, replica)
        described.message = cut(described.message)
        return whole(.remote, described) ?? begin(.cancelled).buffer
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= longestText ? text : String(decoding: text.utf8.prefix(longestText), as: UTF8.self) + " …"
    }

    private static func encodeWhole(_ error: any Error, thrownBy replica: ReplicaID?) -> ByteBuffer {
        switch error {
        case is CancellationError: return begin(.cancelled).buffer
        case let error as ServeError: return whole(.serve, error) ?? begin(.cancelled).buffer
        case let error as RemoteError: return whole(.remote, error) ?? begin(.cancelled).buffer
        case let error as any Error & Codable: if let frame = user(error) { return frame }
        default: break
        }
        return whole(.remote, describe(error, replica)) ?? begin(.cancelled).buffer
    }

    private static func describe(_ error: any Error, _ replica: ReplicaID?) -> RemoteError {
        RemoteError(
            deployment: replica?.deployment ?? DeploymentID(application: "", deployment: ""),
            replica: replica,
            typeName: "\(type(of: error))",
            message: "\(error)"
        )
    }

    private static func begin(_ kind: Kind) -> BinaryWriter {
        var frame = Frame.open()
        frame.writeInteger(kind.rawValue)
        return BinaryWriter(frame)
    }
    private static func whole(_ kind: Kind, _ error: some Encodable) -> ByteBuffer? {
        let writer = begin(kind)
        do { try writer.region(error) } catch { return nil }
        return writer.buffer
    }

    /// `nil` when the type cannot be found by name or its value does not encode; a description then takes its place.
    private static func user(_ error: some Error & Codable) -> ByteBuffer? {
        guard let name = _mangledTypeName(type(of: error)), _typeByName(name) != nil else { return nil }
        let writer = begin(.user)
        do {
            try writer.region(name)
            try writer.region("\(type(of: error))")
            try writer.region("\(error)")
            try writer.region(error)
        } catch { return nil }
        return writer.buffer
    }

    static func decode(_ body: ByteBuffer, from replica: ReplicaID?, _ system: ServeSystem) -> any Error {
        var body = body
        let kind = body.readInteger(as: UInt8.self).flatMap(Kind.init)
        let reader = BinaryReader(body, system: system)
        do {
            switch kind {
            case .cancelled: return CancellationError()
            case .serve: return try reader.nextRegion(ServeError.self)
            case .remote: return try reader.nextRegion(RemoteError.self)
            case .user: return try decodeUser(reader, replica)
            case nil: throw ServeError(.protocolViolation, "an error of an unknown kind", replica: replica)
            }
        } catch { return error }
    }

    private static func decodeUser(_ reader: BinaryReader, _ replica: ReplicaID?) throws -> any Error {
        let name = try reader.nextRegion(String.self)
        let typeName = try reader.nextRegion(String.self)
        let message = try reader.nextRegion(String.self)
        if let type = _typeByName(name) as? any (Error & Decodable).Type,
            let error = try? decode(type, reader)
        {
            return error
        }
        return RemoteError(
            deployment: replica?.deployment ?? DeploymentID(application: "", deployment: ""),
            replica: replica,
            typeName: typeName,
            message: message
        )
    }
    private static func decode<E: Error & Decodable>(_ type: E.Type, _ reader: BinaryReader) throws -> any Error {
        try reader.nextRegion(type)
    }
}
