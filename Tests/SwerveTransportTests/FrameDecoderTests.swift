import NIOCore
import SwerveCore
import Testing

@testable import SwerveTransport

@Suite struct FrameDecoderTests {
    private struct Seen: Equatable {
        let kind: FrameKind
        let stream: UInt64
        let body: ByteBuffer
    }

    private func decode(_ pieces: [ByteBuffer]) throws -> [Seen] {
        var decoder = FrameDecoder()
        var seen: [Seen] = []
        for piece in pieces {
            decoder.feed(piece)
            while let frame = try decoder.next() {
                seen.append(Seen(kind: frame.kind, stream: frame.stream, body: frame.body))
            }
        }
        return seen
    }

    private func conversation() -> (bytes: ByteBuffer, frames: [Seen]) {
        let frames = [
            Seen(kind: .requestCall, stream: 1 << 20, body: ByteBuffer(bytes: [1, 2, 3])),
            Seen(kind: .responseRefused, stream: .max, body: ByteBuffer()),
            Seen(kind: .control, stream: 0, body: ByteBuffer(repeating: 9, count: 40)),
            Seen(kind: .responseData, stream: 7, body: ByteBuffer(bytes: [255])),
        ]
        return (Self.bytes(of: frames), frames)
    }

    private static func bytes(of frames: [Seen]) -> ByteBuffer {
        var all = ByteBuffer()
        for seen in frames {
            Frame.append(seen.kind, stream: seen.stream, to: &all) { $0.writeImmutableBuffer(seen.body) }
        }
        return all
    }

    private func cut(_ bytes: ByteBuffer, _ range: Range<Int>) -> ByteBuffer {
        bytes.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    @Test func `cutting the bytes anywhere gives the same frames`() throws {
        let (bytes, frames) = conversation()
        let count = bytes.readableBytes
        for first in 0...count {
            for second in first...count {
                let pieces = [cut(bytes, 0..<first), cut(bytes, first..<second), cut(bytes, second..<count)]
                #expect(try decode(pieces) == frames, "cut at \(first) and \(second)")
            }
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `random pieces give the same frames of all sizes`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let frames = (0..<30).map { index in
            let size = [0, 1, 30, 4_000, 70_000, 600_000][random.next(below: random.next(below: 6) + 1)]
            let kind = FrameKind.allCases[random.next(below: FrameKind.allCases.count)]
            return Seen(kind: kind, stream: random.next(), body: ByteBuffer(repeating: UInt8(index), count: size))
        }
        var pieces: [ByteBuffer] = []
        var rest = Self.bytes(of: frames)
        while rest.readableBytes > 0 {
            let size = 1 + random.next(below: [20, 5_000, 50_000, 300_000][random.next(below: 4)])
            pieces.append(rest.readSlice(length: min(rest.readableBytes, size)) ?? ByteBuffer())
        }
        #expect(try decode(pieces) == frames)
    }

    @Test func `a body stays unchanged while later ones are read`() throws {
        var decoder = FrameDecoder()
        decoder.feed(ByteBuffer(bytes: frame(.responseData, stream: 1) { $0.writeString("first") }))
        let first = try decoder.next()
        decoder.feed(ByteBuffer(bytes: frame(.responseData, stream: 2) { $0.writeString("other") }))
        let second = try decoder.next()
        #expect(first.map { String(buffer: $0.body) } == "first")
        #expect(second.map { String(buffer: $0.body) } == "other")
        #expect(try decoder.next() == nil)
    }

    // MARK: Wrong frames

    private func header(length: UInt32, kind: UInt8) -> [UInt8] {
        withUnsafeBytes(of: length.littleEndian) { Array($0) } + [kind]
    }

    private func error(of bytes: [UInt8]) -> String? {
        do {
            _ = try decode([ByteBuffer(bytes: bytes)])
            return nil
        } catch {
            return (error as? ServeError).map { "\($0.code): \($0.message)" }
        }
    }

    @Test func `the largest frame of each kind is accepted, and one byte more is refused before it arrives`() {
        for number in UInt8.min...UInt8.max {
            guard let kind = FrameKind(rawValue: number) else { continue }
            let isControl = kind == .control || kind == .hello
            let most = UInt32(isControl ? ConnectionLimits.maximumControlBytes : ConnectionLimits.maximumFrameBytes)
            #expect(error(of: header(length: most, kind: number)) == nil, "\(kind)")
            #expect(
                error(of: header(length: most + 1, kind: number)) == "protocol_violation: a frame of \(most + 1) bytes",
                "\(kind)"
            )
            #expect(error(of: header(length: .max, kind: number)) != nil, "\(kind)")
        }
    }

    @Test func `an unknown kind is refused before the rest of the frame arrives`() {
        for number in [0, FrameKind.allCases.map(\.rawValue).max()! + 1, .max] {
            #expect(error(of: header(length: 100, kind: number)) == "protocol_violation: a frame of kind \(number)")
        }
    }

    @Test func `a frame shorter than its header is refused by its length alone`() {
        for length in 0..<9 as Range<UInt32> {
            let bytes = Array(header(length: length, kind: 1).prefix(4))
            #expect(error(of: bytes) == "protocol_violation: a frame of \(length) bytes")
        }
        #expect(error(of: header(length: 9, kind: 1)) == nil)
    }

    @Test func `frames before a wrong one are decoded`() throws {
        var decoder = FrameDecoder()
        decoder.feed(ByteBuffer(bytes: frame(.responseEnd, stream: 3) + header(length: 100, kind: 0)))
        #expect(try decoder.next()?.stream == 3)
        #expect(throws: ServeError.self) { try decoder.next() }
    }
}
