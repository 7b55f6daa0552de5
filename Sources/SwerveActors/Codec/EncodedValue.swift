package import NIOCore
internal import SwerveCore

/// A value in its encoded form, on its way from one replica through this process to another: it is decoded only where
/// somebody looks at it.
@usableFromInline
package struct EncodedValue: Sendable, Codable {
    /// The region of the value, its length in front.
    private let region: ByteBuffer
    /// Finds the deployments that references in it name.
    private let system: ServeSystem

    /// - Parameters:
    ///   - region: what ``BinaryWriter/region(_:)`` wrote.
    ///   - system: of the process that has it now.
    package init(region: ByteBuffer, system: ServeSystem) {
        self.region = region
        self.system = system
    }

    package func decode<Value: Decodable>(as type: Value.Type) throws -> Value {
        try BinaryReader(region, system: system).nextRegion(type)
    }

    /// Writes the value as it is, as if it had been encoded here.
    @usableFromInline
    package func encode(to encoder: any Encoder) throws {
        guard let writer = encoder as? BinaryWriter else {
            throw ServeError(.unencodable, "an encoded value can be written only by Swerve's own codec")
        }
        var content = region
        guard let length = content.readInteger(endianness: .little, as: UInt32.self) else {
            throw ServeError(.unencodable, "an encoded value without its length")
        }
        if length == .max { writer.wroteNil = true } else { writer.buffer.writeImmutableBuffer(content) }
    }

    @usableFromInline
    package init(from decoder: any Decoder) throws {
        throw ServeError(.invalidArgument, "an encoded value is decoded as what it stands for")
    }

    package var byteCount: Int { region.readableBytes }
}
