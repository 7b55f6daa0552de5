internal import NIOCore
internal import SwerveActors
internal import SwerveCore

/// The body of a `requestCall` frame: the method's number, the request id, the remaining time, whether the result may
/// be kept, the request's attributes if it has any, references to the arguments that other processes keep, the mangled names of the generic arguments, and the
/// arguments, each a region.
enum CallFrame {
    /// - Parameter empty: the buffer in which to make the frame.
    /// - Returns: the frame, and the streams among the arguments in the order of their positions.
    static func make(
        _ call: OutgoingCall,
        method: UInt32,
        in empty: consuming ByteBuffer = ByteBuffer()
    ) throws -> (ByteBuffer, [any AnyResponseStream]) {
        var frame = empty
        frame.writeRepeatingByte(0, count: Frame.headerBytes)
        frame.writeInteger(method, endianness: .little)
        let context = ServeContext.current
        let requestID = (context?.requestID ?? "").utf8
        let length = min(requestID.count, 255)
        frame.writeInteger(UInt8(length))
        frame.writeBytes(requestID.prefix(length))
        frame.writeRemainingTime(context?.deadline?.remaining)
        let attributes = context?.attributes
        let flags = (call.mayKeep ? mayKeepFlag : 0) | (attributes == nil ? 0 : attributesFlag)
        let flagsIndex = frame.writerIndex
        frame.writeInteger(flags)
        if let attributes { frame.writeAttributes(attributes) }
        try write(referencesOf: call.arguments, to: &frame)
        frame.writeInteger(UInt8(truncatingIfNeeded: call.arguments.genericSubstitutions.count))
        let writer = BinaryWriter(consume frame, allowsStreams: true)
        for type in call.arguments.genericSubstitutions {
            guard let name = _mangledTypeName(type) else {
                throw ServeError(.unencodable, "another process cannot find the generic argument \(type) by name")
            }
            try writer.region(name)
        }
        for index in 0..<call.arguments.count {
            switch call.arguments[index] {
            case .value(let value): try write(value, at: index, to: writer)
            case .encoded(let value): try write(value, at: index, to: writer)
            // Only the location of a kept result travels, written above; an empty region takes its place here.
            case .reference: try writer.region(0 as UInt8)
            }
        }
        var whole = writer.takeBuffer()
        guard let streams = writer.streams, !streams.isEmpty else { return (whole, []) }
        whole.setInteger(flags | hasStreamsFlag, at: flagsIndex)
        return (whole, streams)
    }

    private static func write(_ value: some Encodable, at index: Int, to writer: BinaryWriter) throws {
        do {
            try writer.region(value)
        } catch let error as ServeError {
            throw error
        } catch {
            throw ServeError(.unencodable, "argument \(index + 1), a \(type(of: value)): \(error)")
        }
    }

    private static let mayKeepFlag: UInt8 = 1
    private static let attributesFlag: UInt8 = 2
    private static let hasStreamsFlag: UInt8 = 4

    private static func write(referencesOf arguments: Arguments, to frame: inout ByteBuffer) throws {
        guard arguments.hasReferences else { return _ = frame.writeInteger(0 as UInt8) }
        var references: [(index: Int, result: KeptResult)] = []
        for index in 0..<arguments.count {
            if case .reference(let result) = arguments[index] { references.append((index, result)) }
        }
        guard arguments.count <= Int(UInt8.max) else {
            throw ServeError(.unencodable, "a call with \(arguments.count) arguments; the maximum is \(UInt8.max)")
        }
        frame.writeInteger(UInt8(references.count))
        for (index, result) in references {
            frame.writeInteger(UInt8(index))
            frame.writeInteger(result.number, endianness: .little)
            frame.writeInteger(UInt16(clamping: result.address.utf8.count), endianness: .little)
            frame.writeString(result.address)
        }
    }

    /// What the replica's process reads from a call.
    struct Received: Sendable {
        var context: ServeContext?
        var arguments: InvocationDecoder
        var mayKeep: Bool
        /// The arguments to fetch first.
        var references: [Reference]
    }

    /// An argument that another process keeps.
    struct Reference: Sendable {
        var index: Int
        var number: UInt64
        var address: String
    }

    /// Reads what ``make(_:method:)`` wrote behind the method's number.
    ///
    /// - Parameter streams: opens the streams among the arguments.
    static func read(
        _ frame: consuming ByteBuffer,
        of replica: ReplicaID,
        _ system: ServeSystem,
        on loop: any EventLoop,
        streams: () -> any ArgumentStreams
    ) throws -> Received {
        guard let length = frame.readInteger(as: UInt8.self), let requestID = frame.readString(length: Int(length)),
            let remaining = frame.readInteger(endianness: .little, as: Int64.self),
            let flags = frame.readInteger(as: UInt8.self),
            let attributes = frame.readAttributes(ifPresent: flags & attributesFlag != 0),
            let references = readReferences(&frame), let generics = frame.readInteger(as: UInt8.self)
        else { throw ServeError(.protocolViolation, "a truncated call", replica: replica) }
        let reader = BinaryReader(frame, system: system, streams: flags & hasStreamsFlag != 0 ? streams() : nil)
        var types: [any Any.Type] = []
        for _ in 0..<generics {
            let name = try reader.nextRegion(String.self)
            guard let type = _typeByName(name) else {
                throw ServeError(.invalidArgument, "no type is named '\(name)' in the replica's executable")
            }
            types.append(type)
        }
        let deadline = RequestDeadline(remaining: remaining, on: loop)
        let isEmpty = requestID.isEmpty && deadline == nil && attributes == nil
        let context =
            isEmpty
            ? nil : ServeContext(requestID: requestID, deadline: deadline, attributes: attributes)
        return Received(
            context: context,
            arguments: InvocationDecoder(reader, genericSubstitutions: types),
            mayKeep: flags & mayKeepFlag != 0,
            references: references
        )
    }

    private static func readReferences(_ frame: inout ByteBuffer) -> [Reference]? {
        guard let count = frame.readInteger(as: UInt8.self) else { return nil }
        if count == 0 { return [] }
        var references: [Reference] = []
        for _ in 0..<count {
            guard let index = frame.readInteger(as: UInt8.self),
                let number = frame.readInteger(endianness: .little, as: UInt64.self),
                let length = frame.readInteger(endianness: .little, as: UInt16.self),
                let address = frame.readString(length: Int(length))
            else { return nil }
            references.append(Reference(index: Int(index), number: number, address: address))
        }
        return references
    }
}

// Deadlines travel as remaining time, because the clocks of two machines need not agree.

extension ByteBuffer {
    /// Writes nanoseconds; the largest number stands for no deadline.
    mutating func writeRemainingTime(_ remaining: TimeAmount?) {
        writeInteger(remaining?.nanoseconds ?? .max, endianness: .little)
    }
}

extension RequestDeadline {
    /// Reads what ``ByteBuffer/writeRemainingTime(_:)`` wrote.
    convenience init?(remaining: Int64, on loop: any EventLoop) {
        if remaining == .max { return nil }
        self.init(loop.now + .nanoseconds(remaining), clock: loop)
    }
}
