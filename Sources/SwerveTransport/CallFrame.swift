internal import NIOCore
internal import SwerveActors
internal import SwerveCore

/// The body of a `requestCall` frame: the method's number, the request id, the time that remains, whether the
/// result may be kept, the arguments that are kept elsewhere, the generic arguments by their mangled names, and the
/// arguments, each a region.
enum CallFrame {
    static func make(_ call: OutgoingCall, method: UInt32) throws -> ByteBuffer {
        var frame = Frame.open()
        frame.writeInteger(method, endianness: .little)
        let context = RequestContext.current
        let requestID = (context?.requestID ?? "").utf8
        let length = min(requestID.count, 255)
        frame.writeInteger(UInt8(length))
        frame.writeBytes(requestID.prefix(length))
        frame.writeRemainingTime(context?.deadline?.remaining)
        frame.writeInteger(call.mayKeep ? mayKeepFlag : 0)
        try write(keptOf: call.arguments, to: &frame)
        frame.writeInteger(UInt8(truncatingIfNeeded: call.arguments.genericSubstitutions.count))
        let writer = BinaryWriter(frame)
        for type in call.arguments.genericSubstitutions {
            guard let name = _mangledTypeName(type) else {
                throw ServeError(.unencodable, "the generic argument \(type) has no name that another process can find")
            }
            try writer.region(name)
        }
        for index in 0..<call.arguments.count {
            guard let value = call.arguments.value(at: index) else { break }
            do {
                // Of a result that is kept the place alone.
                if call.arguments.hasKept, value is KeptArgument {
                    try writer.region(0 as UInt8)
                } else {
                    try writer.region(value)
                }
            } catch let error as ServeError {
                throw error
            } catch {
                throw ServeError(.unencodable, "argument \(index + 1), a \(type(of: value)): \(error)")
            }
        }
        return writer.buffer
    }

    private static let mayKeepFlag: UInt8 = 1

    private static func write(keptOf arguments: Arguments, to frame: inout ByteBuffer) throws {
        guard arguments.hasKept else { return _ = frame.writeInteger(0 as UInt8) }
        let kept = (0..<arguments.count).compactMap { index in
            (arguments.value(at: index) as? KeptArgument).map { (index, $0.result) }
        }
        guard arguments.count <= Int(UInt8.max) else {
            throw ServeError(.unencodable, "a call with \(arguments.count) arguments, \(UInt8.max) are the most")
        }
        frame.writeInteger(UInt8(kept.count))
        for (index, result) in kept {
            frame.writeInteger(UInt8(index))
            frame.writeInteger(result.number, endianness: .little)
            frame.writeInteger(UInt16(clamping: result.address.utf8.count), endianness: .little)
            frame.writeString(result.address)
        }
    }

    /// What the replica's process reads of a call.
    struct Received: Sendable {
        var context: RequestContext?
        var arguments: InvocationDecoder
        var mayKeep: Bool
        /// The arguments that are to be fetched first.
        var kept: [Kept]
    }

    struct Kept: Sendable {
        var index: Int
        var number: UInt64
        var address: String
    }

    /// Reads what ``make(_:method:)`` wrote behind the method's number.
    static func read(_ frame: consuming ByteBuffer, of replica: ReplicaID) throws -> Received {
        guard let length = frame.readInteger(as: UInt8.self), let requestID = frame.readString(length: Int(length)),
            let remaining = frame.readInteger(endianness: .little, as: Int64.self),
            let flags = frame.readInteger(as: UInt8.self), let kept = readKept(&frame),
            let generics = frame.readInteger(as: UInt8.self)
        else { throw ServeError(.protocolViolation, "a call that is cut off", replica: replica) }
        let reader = BinaryReader(frame, system: .current)
        var types: [any Any.Type] = []
        for _ in 0..<generics {
            let name = try reader.nextRegion(String.self)
            guard let type = _typeByName(name) else {
                throw ServeError(.invalidArgument, "no type is named '\(name)' in the replica's executable")
            }
            types.append(type)
        }
        let deadline = RequestDeadline(remaining: remaining)
        let context =
            requestID.isEmpty && deadline == nil ? nil : RequestContext(requestID: requestID, deadline: deadline)
        return Received(
            context: context,
            arguments: InvocationDecoder(reader, genericSubstitutions: types),
            mayKeep: flags & mayKeepFlag != 0,
            kept: kept
        )
    }

    private static func readKept(_ frame: inout ByteBuffer) -> [Kept]? {
        guard let count = frame.readInteger(as: UInt8.self) else { return nil }
        if count == 0 { return [] }
        var kept: [Kept] = []
        for _ in 0..<count {
            guard let index = frame.readInteger(as: UInt8.self),
                let number = frame.readInteger(endianness: .little, as: UInt64.self),
                let length = frame.readInteger(endianness: .little, as: UInt16.self),
                let address = frame.readString(length: Int(length))
            else { return nil }
            kept.append(Kept(index: Int(index), number: number, address: address))
        }
        return kept
    }
}

// Deadlines travel as the time that remains: two machines need not agree on what time it is.

extension ByteBuffer {
    /// Nanoseconds; the largest number stands for no deadline.
    mutating func writeRemainingTime(_ remaining: TimeAmount?) {
        writeInteger(remaining?.nanoseconds ?? .max, endianness: .little)
    }
}

extension RequestDeadline {
    /// What ``ByteBuffer/writeRemainingTime(_:)`` wrote.
    convenience init?(remaining: Int64) {
        if remaining == .max { return nil }
        self.init(.now() + .nanoseconds(remaining))
    }
}
