internal import NIOCore
internal import SwerveActors
internal import SwerveCore

/// The body of a `requestCall` frame: the method's number, the request id, the time that remains, the generic arguments by their mangled names,
/// and the arguments, each a region.
enum CallFrame {
    static func make(_ call: OutgoingCall, method: UInt32) throws -> ByteBuffer {
        var frame = Frame.open()
        frame.writeInteger(method, endianness: .little)
        let context = RequestContext.current
        let requestID = (context?.requestID ?? "").utf8
        let length = min(requestID.count, 255)
        frame.writeInteger(UInt8(length))
        frame.writeBytes(requestID.prefix(length))
        frame.writeRemainingTime(until: context?.deadline)
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
                try writer.region(value)
            } catch let error as ServeError {
                throw error
            } catch {
                throw ServeError(.unencodable, "argument \(index + 1), a \(type(of: value)): \(error)")
            }
        }
        return writer.buffer
    }

    /// Reads what ``make(_:method:)`` wrote behind the method's number.
    static func read(
        _ frame: consuming ByteBuffer,
        of replica: ReplicaID
    ) throws -> (context: RequestContext?, arguments: InvocationDecoder) {
        guard let length = frame.readInteger(as: UInt8.self), let requestID = frame.readString(length: Int(length)),
            let remaining = frame.readInteger(endianness: .little, as: Int64.self),
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
        let deadline = NIODeadline.after(remaining)
        let context =
            requestID.isEmpty && deadline == nil ? nil : RequestContext(requestID: requestID, deadline: deadline)
        return (context, InvocationDecoder(reader, genericSubstitutions: types))
    }
}

// Deadlines travel as the time that remains: two machines need not agree on what time it is.

extension ByteBuffer {
    /// Nanoseconds; the largest number stands for no deadline.
    mutating func writeRemainingTime(until deadline: NIODeadline?) {
        writeInteger(deadline.map { ($0 - .now()).nanoseconds } ?? .max, endianness: .little)
    }
}

extension NIODeadline {
    /// What ``ByteBuffer/writeRemainingTime(until:)`` wrote.
    static func after(_ remaining: Int64) -> NIODeadline? {
        remaining == .max ? nil : .now() + .nanoseconds(remaining)
    }
}
