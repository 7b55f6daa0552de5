internal import NIOCore
internal import SwerveSystem

/// How a frame says where its bytes lie.
enum SharedReference: Hashable, Sendable {
    /// In a segment of the sender, who lends them under this number.
    case lent(UInt64, SegmentRange)
    /// In what the receiver lent to the sender under this number, from this position of the segment on.
    case returned(UInt64, offset: Int, count: Int)

    private static let lentMark: UInt8 = 1
    private static let returnedMark: UInt8 = 2

    func write(to frame: inout ByteBuffer) {
        switch self {
        case .lent(let loan, let range):
            frame.writeInteger(Self.lentMark)
            frame.writeMultipleIntegers(
                loan,
                range.segment,
                range.place.descriptor,
                range.place.device,
                range.place.inode,
                UInt64(range.place.bytes),
                UInt64(range.offset),
                UInt64(range.count),
                endianness: .little
            )
        case .returned(let loan, let offset, let count):
            frame.writeInteger(Self.returnedMark)
            frame.writeMultipleIntegers(loan, UInt64(offset), UInt64(count), endianness: .little)
        }
    }

    /// - Returns: `nil` for anything that no process writes: all numbers make sense by themselves.
    static func read(_ frame: inout ByteBuffer) -> SharedReference? {
        switch frame.readInteger(as: UInt8.self) {
        case lentMark:
            typealias Fields = (UInt64, UInt64, Int32, UInt64, UInt64, UInt64, UInt64, UInt64)
            guard
                let (loan, segment, descriptor, device, inode, bytes, offset, count) = frame.readMultipleIntegers(
                    endianness: .little,
                    as: Fields.self
                ), bytes <= maximumSegment, offset < bytes, count > 0, count <= bytes - offset, descriptor >= 0
            else { return nil }
            let place = SegmentPlace(descriptor: descriptor, device: device, inode: inode, bytes: Int(bytes))
            return .lent(loan, SegmentRange(segment: segment, place: place, offset: Int(offset), count: Int(count)))
        case returnedMark:
            guard
                let (loan, offset, count) = frame.readMultipleIntegers(
                    endianness: .little,
                    as: (UInt64, UInt64, UInt64).self
                ), offset <= maximumSegment, count > 0, count <= maximumSegment
            else { return nil }
            return .returned(loan, offset: Int(offset), count: Int(count))
        default: return nil
        }
    }

    private static let maximumSegment = UInt64(SharedMemoryLimits.largest)
}
