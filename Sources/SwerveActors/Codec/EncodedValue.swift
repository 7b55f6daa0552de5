package import NIOCore
internal import SwerveCore

/// A value in its encoded form, on its way from one replica through this process to another. It is decoded only where
/// it is used.
@usableFromInline
package struct EncodedValue: Sendable, Codable {
    /// The region of the value, preceded by its length.
    private let region: ByteBuffer
    /// Resolves the references in it to deployments.
    private let system: ServeSystem

    /// - Parameters:
    ///   - region: what ``BinaryWriter/region(_:)`` wrote.
    ///   - system: that of the current process.
    package init(region: ByteBuffer, system: ServeSystem) {
        self.region = region
        self.system = system
    }

    package func decode<Value: Decodable>(as type: Value.Type) throws -> Value {
        try BinaryReader(region, system: system).nextRegion(type)
    }

    /// Copies the encoded value, as if it had been encoded here.
    @usableFromInline
    package func encode(to encoder: any Encoder) throws {
        guard let writer = encoder as? BinaryWriter else {
            throw ServeError(.unencodable, "an encoded value can be written only by Swerve's own codec")
        }
        var content = region
        guard let length = content.readInteger(endianness: .little, as: UInt32.self) else {
            throw ServeError(.unencodable, "an encoded value lacks its length")
        }
        if length == .max { writer.wroteNil = true } else { writer.buffer.writeImmutableBuffer(content) }
    }

    @usableFromInline
    package init(from decoder: any Decoder) throws {
        throw ServeError(.invalidArgument, "an encoded value can be decoded only as the type that was encoded")
    }

    package var byteCount: Int { region.readableBytes }
}
