import Foundation
import NIOCore
import SwerveActors
import SwerveCore
import Testing

private protocol OptionalValue {}
extension Optional: OptionalValue {}

@Suite struct RoundTripTests {
    private func check<T: Codable & Equatable>(_ values: T..., comment: Comment? = nil) throws {
        for value in values { #expect(try roundTrip(value) == value, comment) }
        #expect(try roundTrip(values) == values, comment)
        // An optional of an optional is one, as in JSON.
        if !(T.self is any OptionalValue.Type) {
            #expect(try roundTrip(values.map(Optional.some) + [nil]) == values.map(Optional.some) + [nil], comment)
        }
        let byName = Dictionary(uniqueKeysWithValues: values.enumerated().map { ("\($0.offset)", $0.element) })
        #expect(try roundTrip(byName) == byName, comment)
    }

    @Test func integersOfEveryWidth() throws {
        func extremes<I: FixedWidthInteger & Codable>(_ type: I.Type) throws { try check(I.min, 0, 1, I.max) }
        try extremes(Int.self)
        try extremes(Int8.self)
        try extremes(Int16.self)
        try extremes(Int32.self)
        try extremes(Int64.self)
        try extremes(Int128.self)
        try extremes(UInt.self)
        try extremes(UInt8.self)
        try extremes(UInt16.self)
        try extremes(UInt32.self)
        try extremes(UInt64.self)
        try extremes(UInt128.self)
    }

    @Test func floatingPointNumbersBitForBit() throws {
        let signalling = Double(bitPattern: 0x7FF4_0000_0000_0001)
        for value in [0, -0.0, 1.1, .infinity, -.infinity, .pi, .leastNonzeroMagnitude, .nan, signalling] {
            #expect(try roundTrip(value).bitPattern == value.bitPattern)
            #expect(try roundTrip([value])[0].bitPattern == value.bitPattern)
        }
        for value in [0, -0.0, 1.1, .infinity, .greatestFiniteMagnitude, .nan] as [Float] {
            #expect(try roundTrip(value).bitPattern == value.bitPattern)
            #expect(try roundTrip([value])[0].bitPattern == value.bitPattern)
        }
    }

    @Test func textAndTruth() throws {
        try check("", "a", "grüße 🌍", "\0", String(repeating: "x", count: 100_000))
        try check(true, false)
    }

    @Test func optionals() throws {
        try check(Int?.none, 4)
        try check(String?.none, "")
        try check([Int]?.none, [], [1])
        try check([Int?](), [nil], [nil, 1, nil])
        struct Optionals: Codable, Equatable {
            var a: Int?
            var b: [String?]?
            var c: Everything.Shape?
        }
        try check(Optionals(), Optionals(a: 1, b: [nil], c: .point))
    }

    @Test func bytesAreKeptAsTheyAre() throws {
        try check(ByteBuffer(), ByteBuffer(bytes: [0, 255]))
        var sliced = ByteBuffer(bytes: Array(0...9))
        sliced.moveReaderIndex(forwardBy: 3)
        let encoded = try encode(sliced)
        #expect(Array(encoded.readableBytesView) == [7, 0, 0, 0] + Array(3...9))
        #expect(try decode(ByteBuffer.self, encoded) == sliced)
    }

    @Test func numbersInArraysAreOneBlock() throws {
        #expect(try encode([UInt8](repeating: 1, count: 1000)).readableBytes == 1004)
        #expect(try encode([Float](repeating: 1, count: 1000)).readableBytes == 4004)
        #expect(try encode([Int](repeating: 1, count: 1000)).readableBytes == 8004)
    }

    @Test func structsEnumsAndContainersInEachOther() throws {
        try check(Everything(), Everything(text: "", shapes: []))
        try check(Everything.Shape.point, .circle(radius: -1), .text("", nil), .both(.point, .text("x", [:])))
        try check([["a": [[1, 2], []]]], [])
        try check([1: "a", -4: "b"], [:])
        try check(Set([1.5, 2.5]), [])
        try check(Manual())
    }

    @Test func dictionariesWithLongKeys() throws {
        for length in [0, 1, 253, 254, 255, 256, 257, 70_000] {
            let key = String(repeating: "k", count: length)
            try check([key: 1], [key: 2, "other": 3], comment: "\(length)")
        }
        struct LongKey: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        struct Value: Codable, Equatable {
            static let key = LongKey(stringValue: String(repeating: "l", count: 300))
            init() {}
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: LongKey.self)
                var nested = container.nestedUnkeyedContainer(forKey: Self.key)
                try nested.encode("in")
            }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: LongKey.self)
                var nested = try container.nestedUnkeyedContainer(forKey: Self.key)
                guard try nested.decode(String.self) == "in" else { throw CancellationError() }
            }
        }
        try check(Value())
    }

    @Test func foundationsValues() throws {
        try check(Date(timeIntervalSinceReferenceDate: 12.25))
        try check(UUID(), UUID(uuidString: "00000000-0000-0000-0000-000000000000")!)
        try check(Data(), Data([0, 1, 255]))
        try check(URL(string: "https://example.org/a?b=c#d")!)
        try check(Decimal(string: "-12345678901234567890.5")!)
    }

    @Test func swervesOwnValues() throws {
        let id = DeploymentID(application: "a", deployment: "D")
        try check(
            DeploymentSpec(
                id: id,
                typeName: "T",
                arguments: [1, 2],
                options: DeploymentOptions(
                    "n",
                    resources: Resources(gpus: 0.3, custom: ["x": 2]),
                    placement: .inProcess,
                    rollout: .rolling(maxSurge: 2)
                ),
                answersHTTP: true
            )
        )
        try check(ServeError(.queueFull, "full", deployment: id, replica: ReplicaID(deployment: id, number: 3)))
        try check(RemoteError(deployment: id, replica: nil, typeName: "E", message: "m"))
    }

    @Test func classesWithTheirSuperclass() throws {
        let dog = try roundTrip(Dog(name: "Rex", tricks: ["sit", "roll"]))
        #expect(dog.name == "Rex")
        #expect(dog.tricks == ["sit", "roll"])
    }

    /// The `nil` of a super encoder's value is its own, not that of the region which is closed next.
    @Test func optionalsInSuperEncoders() throws {
        try check(SuperOptional(3, [1, nil, 2]), SuperOptional(nil, [nil]), SuperOptional(nil, []))
    }

    @Test func keysInAnotherOrderAreFoundAndUnknownOnesPassedOver() throws {
        struct Old: Encodable { var z = 1, y = "two", extra = [1, 2], x = 3.5 }
        struct New: Decodable, Equatable { var x: Double, y: String, z: Int, added: Int? }
        #expect(try decode(New.self, encode(Old())) == New(x: 3.5, y: "two", z: 1, added: nil))
    }

    @Test func valuesFollowEachOther() throws {
        let writer = BinaryWriter()
        try writer.region(1)
        try writer.region("two")
        try writer.region(Int?.none)
        try writer.region([3.0])
        let reader = BinaryReader(writer.buffer, system: .detached)
        #expect(try reader.nextRegion(Int.self) == 1)
        #expect(try reader.nextRegion(String.self) == "two")
        #expect(try reader.nextRegion(Int?.self) == nil)
        #expect(try reader.nextRegion([Double].self) == [3])
        #expect(throws: ServeError.self) { try reader.nextRegion(Int.self) }
    }

    @Test func aReaderStartsWhereItsBufferDoes() throws {
        var bytes = ByteBuffer(string: "head")
        bytes.writeImmutableBuffer(try encode(Everything()))
        bytes.moveReaderIndex(forwardBy: 4)
        #expect(try decode(Everything.self, bytes) == Everything())
        #expect(try decode([Double].self, sliced(encode([1.0, 2.0]))) == [1, 2])
    }

    private func sliced(_ bytes: ByteBuffer) -> ByteBuffer {
        var all = ByteBuffer(repeating: 9, count: 5)
        all.writeImmutableBuffer(bytes)
        all.writeRepeatingByte(9, count: 5)
        return all.getSlice(at: 5, length: bytes.readableBytes)!
    }
}
