import NIOCore
import SwerveActors
import SwerveCore
import Testing

/// Bytes that no writer wrote: an error every time, and never a trap.
@Suite struct MalformedTests {
    private func expectInvalid<T: Decodable>(_ type: T.Type, _ bytes: [UInt8]) {
        let error = #expect(throws: ServeError.self) { try decode(type, ByteBuffer(bytes: bytes)) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func everyTruncationIsAnError() throws {
        let whole = try encode(Everything())
        for length in 0..<whole.readableBytes {
            let cut = whole.getSlice(at: 0, length: length)!
            #expect(throws: (any Error).self, "\(length) of \(whole.readableBytes) bytes") {
                try decode(Everything.self, cut)
            }
        }
    }

    /// The outer length is made to fit, so that the cut is met further in.
    @Test func everyTruncationOfTheContentIsAnError() throws {
        let whole = try encode(Everything())
        for length in 4..<whole.readableBytes {
            var cut = whole.getSlice(at: 0, length: length)!
            cut.setInteger(UInt32(length - 4), at: 0, endianness: .little)
            #expect(throws: (any Error).self, "\(length) of \(whole.readableBytes) bytes") {
                try decode(Everything.self, cut)
            }
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func randomChangesNeverTrap(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let manual = try encode(Manual())
        let everything = try encode(Everything())
        let superOptional = try encode(SuperOptional(1, [2, nil]))
        let dog = try encode(Dog(name: "Rex", tricks: ["a", "b"]))
        var refused = 0
        for _ in 0..<1500 {
            func change(_ bytes: ByteBuffer) -> ByteBuffer {
                var bytes = bytes
                for _ in 0...random.next(below: 4) {
                    let index = random.next(below: bytes.readableBytes)
                    switch random.next(below: 4) {
                    case 0: bytes.setInteger(UInt8(truncatingIfNeeded: random.next()), at: index)
                    case 1: bytes.setInteger(UInt8.max, at: index)
                    case 2: bytes.setInteger(UInt8(0), at: index)
                    default:
                        let count = min(4, bytes.readableBytes - index)
                        bytes.setBytes([UInt8](repeating: 0xFF, count: count), at: index)
                    }
                }
                return bytes
            }
            func attempt<T: Decodable>(_ type: T.Type, _ bytes: ByteBuffer) {
                do { _ = try decode(type, bytes) } catch { refused += 1 }
            }
            attempt(Everything.self, change(everything))
            attempt(Manual.self, change(manual))
            attempt(SuperOptional.self, change(superOptional))
            attempt(Dog.self, change(dog))
            // A value of one type read as another.
            attempt(Everything.self, change(manual))
            attempt([String: [Everything.Shape]].self, change(everything))
            attempt(DeploymentSpec.self, change(everything))
        }
        #expect(refused > 1500, "seed \(seed): mutations seem to change nothing")
    }

    @Test func randomBytesNeverTrap() {
        var random = SplitMix64(seed: 99)
        for _ in 0..<5000 {
            let bytes = (0..<random.next(below: 80)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) & 0x1F }
            _ = try? decode(Everything.self, ByteBuffer(bytes: bytes))
            _ = try? decode([String?].self, ByteBuffer(bytes: bytes))
            _ = try? decode([Int: [Double]].self, ByteBuffer(bytes: bytes))
            _ = try? decode(ServeID.self, ByteBuffer(bytes: bytes))
        }
    }

    @Test func numbersOfTheWrongWidth() {
        expectInvalid(Int.self, [4, 0, 0, 0, 1, 2, 3, 4])
        expectInvalid(Int8.self, [0, 0, 0, 0])
        expectInvalid(Double.self, [0xFF, 0xFF, 0xFF, 0xFF])
        expectInvalid([Double].self, [7, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7])
        expectInvalid(Bool.self, [2, 0, 0, 0, 1, 1])
    }

    @Test func nilWhereAValueIsExpected() {
        let none: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
        expectInvalid(Int.self, none)
        expectInvalid(String.self, none)
        expectInvalid([UInt8].self, none)
        expectInvalid(ByteBuffer.self, none)
    }

    @Test func lengthsBeyondTheEndAllocateNothing() {
        expectInvalid(String.self, [0xFE, 0xFF, 0xFF, 0xFF, 0x41])
        expectInvalid([Double].self, [0xF8, 0xFF, 0xFF, 0x7F])
        expectInvalid([String].self, [8, 0, 0, 0, 0xF0, 0xFF, 0xFF, 0x7F, 1, 2, 3, 4])
    }

    @Test func aLongKeyThatIsCutOff() {
        for rest in [[255], [255, 1, 0], [255, 255, 255, 255, 255], [255, 4, 0, 0, 0, 1]] as [[UInt8]] {
            #expect(throws: (any Error).self, "\(rest)") {
                try decode(Nest.self, ByteBuffer(bytes: Self.length(rest.count) + rest))
            }
        }
    }

    @Test func textThatIsNotUTF8IsRepairedOrRefused() throws {
        let text = try decode(String.self, ByteBuffer(bytes: [2, 0, 0, 0, 0xC3, 0x28]))
        #expect(text == "\u{FFFD}(")
    }

    // MARK: Depth

    @Test func nestingUpToTheLimitWorks() throws {
        let deep = Nest.chain(BinaryWriter.maximumDepth / 2 - 1)
        #expect(try roundTrip(deep) == deep)
    }

    @Test func deeperNestingIsNotWritten() throws {
        let error = #expect(throws: ServeError.self) { try encode(Nest.chain(BinaryWriter.maximumDepth)) }
        #expect(error?.code == .unencodable)
    }

    @Test func deeperNestingIsNotRead() throws {
        // Each level is the key `children` with an array of one element.
        var bytes: [UInt8] = []
        for _ in 0..<5000 {
            let element = Self.length(bytes.count) + bytes
            let row = [8] + Array("children".utf8) + Self.length(element.count) + element
            bytes = row
        }
        let error = #expect(throws: ServeError.self) {
            try decode(Nest.self, ByteBuffer(bytes: Self.length(bytes.count) + bytes))
        }
        #expect(error?.message.contains("deep") == true)
    }

    private static func length(_ count: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
    }
}
