import Foundation
import NIOCore
import SwerveTensor
import Testing

@Suite("Tensor")
struct TensorTests {
    @Test("Values of every element type survive the round trip")
    func valuesRoundTrip() throws {
        func check<Element: TensorElement & Equatable>(_ values: [Element]) throws {
            let tensor = try Tensor(shape: [1, values.count], values: values)
            #expect(tensor.elementType == Element.elementType)
            #expect(tensor.elementCount == values.count)
            #expect(tensor.bytes.readableBytes == values.count * MemoryLayout<Element>.size)
            #expect(try tensor.values(as: Element.self) == values)
            #expect(try tensor.withUnsafeElements(as: Element.self) { Array($0) } == values)
        }
        try check([Float16](arrayLiteral: -1.5, 0, 65504))
        try check([Float](arrayLiteral: -1.5, .infinity, .leastNonzeroMagnitude))
        try check([Double](arrayLiteral: -1.5, .pi))
        try check([Int8](arrayLiteral: .min, 3, .max))
        try check([Int16](arrayLiteral: .min, 3, .max))
        try check([Int32](arrayLiteral: .min, 3, .max))
        try check([Int64](arrayLiteral: .min, 3, .max))
        try check([UInt8](arrayLiteral: 0, 3, .max))
        try check([UInt16](arrayLiteral: 0, 3, .max))
        try check([UInt32](arrayLiteral: 0, 3, .max))
        try check([UInt64](arrayLiteral: 0, 3, .max))
        try check([true, false, true])
    }

    @Test("A tensor without dimensions holds one element, one with a zero dimension holds none")
    func scalarsAndEmptyTensors() throws {
        #expect(try Tensor(shape: [], values: [Float(2)]).values(as: Float.self) == [2])
        #expect(try Tensor(shape: [3, 0], values: [Float]()).elementCount == 0)
        #expect(try Tensor(shape: [0], values: [Float]()).withUnsafeElements(as: Float.self) { $0.count } == 0)
    }

    @Test(
        "Invalid shapes are refused",
        arguments: [[-1], [2, -2], [Int.max, 2], [1 << 33, 1 << 33, 0], [0, Int.max, Int.max]]
    )
    func invalidShapes(shape: [Int]) {
        let error = #expect(throws: TensorError.self) { try Tensor(shape: shape, values: [Float]()) }
        #expect(error?.code == .invalidShape)
    }

    @Test("Too many dimensions are refused")
    func tooManyDimensions() {
        let error = #expect(throws: TensorError.self) {
            try Tensor(shape: [Int](repeating: 1, count: Tensor.maximumRank + 1), values: [Float(1)])
        }
        #expect(error?.code == .invalidShape)
    }

    @Test("More than 4 GiB is refused before anything is allocated")
    func tooLarge() {
        let error = #expect(throws: TensorError.self) {
            try Tensor(shape: [1 << 32], elementType: .uint8, bytes: ByteBuffer())
        }
        #expect(error?.code == .tooLarge)
    }

    @Test("A number of bytes or values that does not match the shape is refused", arguments: [11, 13, 0])
    func sizeMismatch(count: Int) {
        let bytes = ByteBuffer(repeating: 0, count: count)
        let error = #expect(throws: TensorError.self) {
            try Tensor(shape: [3], elementType: .float32, bytes: bytes)
        }
        #expect(error?.code == .sizeMismatch)
        let other = #expect(throws: TensorError.self) {
            try Tensor(shape: [3], values: [UInt8](repeating: 0, count: count))
        }
        #expect(other?.code == .sizeMismatch)
    }

    @Test("Reading elements as another type of the same size is refused")
    func typeMismatch() throws {
        let tensor = try Tensor(shape: [1], values: [Float(1)])
        #expect(throws: TensorError.self) { try tensor.values(as: Int32.self) }
        let error = #expect(throws: TensorError.self) { try tensor.withUnsafeElements(as: UInt32.self) { $0.count } }
        #expect(error?.code == .typeMismatch)
    }

    @Test("A bool that is neither 0 nor 1 is refused")
    func invalidBool() {
        let error = #expect(throws: TensorError.self) {
            try Tensor(shape: [3], elementType: .bool, bytes: ByteBuffer(bytes: [0, 1, 2]))
        }
        #expect(error?.code == .invalidValue)
    }

    @Test("Elements at an unaligned address are read correctly")
    func misalignedBytes() throws {
        var buffer = ByteBuffer(bytes: [0xAA])
        for value in [Float(1), -2.5, 3] { buffer.writeInteger(value.bitPattern, endianness: .little) }
        buffer.moveReaderIndex(forwardBy: 1)
        let tensor = try Tensor(shape: [3], elementType: .float32, bytes: buffer)
        #expect(try tensor.values(as: Float.self) == [1, -2.5, 3])
        try tensor.withUnsafeElements(as: Float.self) {
            #expect(UInt(bitPattern: $0.baseAddress) % 4 == 0)
            #expect(Array($0) == [1, -2.5, 3])
        }
        tensor.alignedBytes.withUnsafeReadableBytes { #expect(UInt(bitPattern: $0.baseAddress) % 4 == 0) }
        #expect(tensor.alignedBytes == tensor.bytes)
    }

    @Test("Reshaping keeps the elements and refuses a different number of them")
    func reshaping() throws {
        let tensor = try Tensor(shape: [2, 3], values: (0..<6).map(Int32.init))
        let reshaped = try tensor.reshaped(to: [3, 1, 2])
        #expect(reshaped.shape == [3, 1, 2])
        #expect(reshaped.bytes == tensor.bytes)
        let error = #expect(throws: TensorError.self) { try tensor.reshaped(to: [4]) }
        #expect(error?.code == .sizeMismatch)
    }

    @Test("Tensors are equal when their shape, type and bytes are equal")
    func equality() throws {
        let tensor = try Tensor(shape: [2], values: [Int32(1), 2])
        #expect(try tensor == Tensor(shape: [2], values: [Int32(1), 2]))
        #expect(try tensor != Tensor(shape: [1, 2], values: [Int32(1), 2]))
        #expect(try tensor != Tensor(shape: [2], values: [UInt32(1), 2]))
        #expect(try tensor != Tensor(shape: [2], values: [Int32(1), 3]))
    }

    @Test("A tensor survives JSON, with its bytes in Base64")
    func codable() throws {
        let tensor = try Tensor(shape: [1, 2], values: [Float(1), -2])
        let data = try JSONEncoder().encode(tensor)
        let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object["elementType"] as? String == "float32")
        #expect(object["shape"] as? [Int] == [1, 2])
        #expect(object["bytes"] as? String == "AACAPwAAAMA=")
        #expect(try JSONDecoder().decode(Tensor.self, from: data) == tensor)
    }

    @Test(
        "JSON whose parts do not fit together is refused",
        arguments: [
            #"{"shape":[3],"elementType":"float32","bytes":"AACAPwAAAMA="}"#,
            #"{"shape":[-1],"elementType":"float32","bytes":""}"#,
            #"{"shape":[2],"elementType":"float31","bytes":"AACAPwAAAMA="}"#,
            #"{"shape":[1],"elementType":"bool","bytes":"Ag=="}"#,
        ]
    )
    func invalidJSON(json: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Tensor.self, from: Data(json.utf8)) }
    }
}
