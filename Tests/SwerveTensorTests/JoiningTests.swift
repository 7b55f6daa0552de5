import NIOCore
import SwerveTensor
import Testing

@Suite("Joining and splitting tensors")
struct JoiningTests {
    /// A tensor of consecutive numbers from `start`.
    private func numbers(_ shape: [Int], from start: Int32 = 0) throws -> Tensor {
        let count = Int32(shape.reduce(1, *))
        return try Tensor(shape: shape, values: Array(start..<start + count))
    }

    @Test("Tensors are joined along each axis as in NumPy")
    func concatenated() throws {
        let (a, b) = (try numbers([2, 2]), try numbers([2, 2], from: 10))
        #expect(
            try Tensor.concatenated([a, b]) == Tensor(shape: [4, 2], values: [0, 1, 2, 3, 10, 11, 12, 13] as [Int32])
        )
        let side = try Tensor.concatenated([a, b], axis: 1)
        #expect(try side == Tensor(shape: [2, 4], values: [0, 1, 10, 11, 2, 3, 12, 13] as [Int32]))
    }

    @Test("A tensor that is split and joined again is unchanged", arguments: [0, 1, 2])
    func cutAndJoined(axis: Int) throws {
        let tensor = try numbers([4, 5, 6])
        let lengths = [1, 0, tensor.shape[axis] - 2, 1]
        let parts = try tensor.split(lengths, axis: axis)
        #expect(parts.map { $0.shape[axis] } == lengths)
        #expect(try Tensor.concatenated(parts, axis: axis) == tensor)
    }

    @Test("Tensors without elements can be joined and split, too")
    func empty() throws {
        let (none, some) = (try numbers([0, 3]), try numbers([2, 3]))
        #expect(try Tensor.concatenated([none, some, none]) == some)
        #expect(try none.split([0, 0]) == [none, none])
        let flat = try numbers([3, 0])
        #expect(try Tensor.concatenated([flat, flat]).shape == [6, 0])
        #expect(try flat.split([1, 2]).map(\.shape) == [[1, 0], [2, 0]])
        #expect(try Tensor.concatenated([none, none], axis: 1).shape == [0, 6])
        #expect(try none.split([1, 2], axis: 1).map(\.shape) == [[0, 1], [0, 2]])
    }

    @Test("Tensors that do not fit together are refused with the right code")
    func refused() throws {
        let tensor = try numbers([2, 3])
        let attempts: [(TensorError.Code, () throws -> Void)] = [
            (.invalidShape, { _ = try Tensor.concatenated([]) }),
            (.invalidShape, { _ = try Tensor.concatenated([tensor], axis: 2) }),
            (.invalidShape, { _ = try Tensor.concatenated([tensor], axis: -1) }),
            (.invalidShape, { _ = try Tensor.concatenated([numbers([]), numbers([])]) }),
            (.sizeMismatch, { _ = try Tensor.concatenated([tensor, numbers([2, 4])]) }),
            (.sizeMismatch, { _ = try Tensor.concatenated([tensor, numbers([2, 3, 1])]) }),
            (
                .typeMismatch,
                {
                    _ = try Tensor.concatenated([
                        tensor, Tensor(shape: [2, 3], values: [Float](repeating: 0, count: 6)),
                    ])
                }
            ),
            (.sizeMismatch, { _ = try tensor.split([1]) }), (.sizeMismatch, { _ = try tensor.split([1, 2]) }),
            (.invalidShape, { _ = try tensor.split([3, -1]) }), (.invalidShape, { _ = try tensor.split([2], axis: 2) }),
            (.sizeMismatch, { _ = try tensor.split([.max, .max]) }),
        ]
        for (index, attempt) in attempts.enumerated() {
            let error = #expect(throws: TensorError.self) { try attempt.1() }
            #expect(error?.code == attempt.0, "\(index)")
        }
    }

    @Test("Parts along the first axis share the bytes of the tensor")
    func shared() throws {
        let tensor = try numbers([4, 2])
        let part = try tensor.split([1, 3])[1]
        let addresses = [tensor, part].map { $0.bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } }
        #expect(addresses[1] - addresses[0] == 8)
    }

    @Test("bfloat16 numbers are rounded to the nearest")
    func bfloat16() throws {
        let cases: [(Float, UInt16)] = [
            (0, 0), (-0.0, 0x8000), (1, 0x3F80), (-2, 0xC000), (1.00390625, 0x3F80), (1.01171875, 0x3F82),
            (.infinity, 0x7F80),
            (.greatestFiniteMagnitude, 0x7F80), (1.0040, 0x3F81), (0x1p-133, 0x0001),
        ]
        for (number, bits) in cases { #expect(BFloat16(number).bitPattern == bits, "\(number)") }
        #expect(Float(BFloat16(.nan)).isNaN)
        #expect(Float(BFloat16(Float(bitPattern: 0x7F80_0001))).isNaN)
        for bits in UInt16.min...UInt16.max where !Float(BFloat16(bitPattern: bits)).isNaN {
            guard BFloat16(Float(BFloat16(bitPattern: bits))).bitPattern != bits else { continue }
            Issue.record("\(bits) does not survive")
        }
    }

    @Test("A .npy file of bfloat16 is refused, because NumPy has no such type")
    func bfloat16NPY() throws {
        let tensor = try Tensor(shape: [1], values: [BFloat16(1)])
        let error = #expect(throws: TensorError.self) { try tensor.npy() }
        #expect(error?.code == .unsupportedType)
        #expect(error?.message.contains("bfloat16") == true)
    }

    @Test("A text tensor must have as many values as its shape says")
    func texts() throws {
        #expect(try StringTensor(shape: [], values: ["a"]).values == ["a"])
        let error = #expect(throws: TensorError.self) { try StringTensor(shape: [2, 2], values: ["a"]) }
        #expect(error?.code == .sizeMismatch)
        #expect(throws: TensorError.self) { try StringTensor(shape: [-1], values: []) }
        #expect(throws: TensorError.self) { try StringTensor(shape: [.max, 2], values: []) }
    }
}
