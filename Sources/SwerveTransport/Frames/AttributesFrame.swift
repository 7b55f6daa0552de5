internal import NIOCore
internal import SwerveCore

// How a request's attributes travel: the priority with two flags, then the texts, each behind its length.

private let sessionFlag: UInt8 = 0x10
private let modelFlag: UInt8 = 0x20

extension ByteBuffer {
    mutating func writeAttributes(_ attributes: RequestAttributes) {
        let flags = (attributes.sessionKey == nil ? 0 : sessionFlag) | (attributes.modelID == nil ? 0 : modelFlag)
        writeInteger(attributes.priority.level | flags)
        if let key = attributes.sessionKey { writeShort(key) }
        if let id = attributes.modelID { writeShort(id) }
    }

    /// - Parameter isPresent: whether the frame has attributes.
    /// - Returns: `nil` if the bytes do not suffice, `.some(nil)` if there are no attributes.
    mutating func readAttributes(ifPresent isPresent: Bool) -> RequestAttributes?? {
        guard isPresent else { return .some(nil) }
        guard let flags = readInteger(as: UInt8.self) else { return nil }
        var attributes = RequestAttributes(priority: RequestPriority(level: flags & 0x0F))
        if flags & sessionFlag != 0 {
            guard let key = readShort() else { return nil }
            attributes.sessionKey = key
        }
        if flags & modelFlag != 0 {
            guard let id = readShort() else { return nil }
            attributes.modelID = id
        }
        return attributes
    }

    private mutating func writeShort(_ text: String) {
        let bytes = text.utf8.prefix(Int(UInt16.max))
        writeInteger(UInt16(bytes.count), endianness: .little)
        writeBytes(bytes)
    }

    private mutating func readShort() -> String? {
        readInteger(endianness: .little, as: UInt16.self).flatMap { readString(length: Int($0)) }
    }
}
