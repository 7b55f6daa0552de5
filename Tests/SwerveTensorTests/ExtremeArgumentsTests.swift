import NIOCore
import SwerveTensor
import TestSupport
import Testing

@Suite("Extreme arguments of tensors")
struct ExtremeArgumentsTests {
    private typealias Call = (inout ExtremeNumbers) throws -> [Tensor]

    /// Calls of every public function that takes numbers, and the tensors that they return.
    private static func calls() throws -> [String: Call] {
        let tensor = try Tensor(shape: [2, 3, 1], values: [1, 2, 3, 4, 5, 6] as [Int32])
        // More rows than a loop could visit, each without elements.
        let empty = try Tensor(shape: [1 << 31, 1 << 30, 0], elementType: .uint8, bytes: ByteBuffer())
        let file = try tensor.npy()
        let types: [ElementType] = [.bool, .uint8, .float16, .int32, .float64]
        return [
            "Tensor.init(shape:elementType:bytes:)": {
                let bytes = ByteBuffer(repeating: 0, count: $0.below(9))
                return [try Tensor(shape: $0.ints(), elementType: types[$0.below(types.count)], bytes: bytes)]
            },
            "Tensor.init(shape:values:)": {
                [try Tensor(shape: $0.ints(), values: [Int8](repeating: 1, count: $0.below(9)))]
            },
            "Tensor.thresholded(_:)": { numbers in
                let threshold = numbers.int()
                return try types.filter { $0 != .bool }.map { type in
                    let bytes = ByteBuffer(repeating: 0, count: 2 * type.byteCount)
                    return try Tensor(shape: [2], elementType: type, bytes: bytes).thresholded(threshold)
                }
            },
            "Tensor.reshaped(to:)": { [try tensor.reshaped(to: $0.ints()), try empty.reshaped(to: $0.ints())] },
            "Tensor.byteCount(shape:elementType:)": {
                let count = try Tensor.byteCount(shape: $0.ints(), elementType: types[$0.below(types.count)])
                #expect(count >= 0)
                return []
            },
            "Tensor.concatenated(_:axis:)": { numbers in
                let axis = numbers.int()
                return [try Tensor.concatenated([tensor, tensor], axis: axis)]
            },
            "Tensor.split(_:axis:)": { numbers in
                let (lengths, axis) = (numbers.ints(), numbers.int())
                let parts = try? empty.split([0, 0], axis: numbers.below(3))
                return try (parts ?? []) + empty.split(lengths, axis: axis) + tensor.split(lengths, axis: axis)
            },
            "StringTensor.init(shape:values:)": {
                _ = try StringTensor(shape: $0.ints(), values: Array(repeating: "", count: $0.below(9)))
                return []
            },
            "NPYLimits.init(maximumHeaderBytes:maximumDataBytes:maximumRank:)": {
                let limits = NPYLimits(
                    maximumHeaderBytes: $0.int(),
                    maximumDataBytes: $0.int(),
                    maximumRank: $0.int()
                )
                return [try Tensor(npy: file, limits: limits)]
            },
            "BFloat16.init(_:)": {
                let number = $0.float()
                #expect(Float(BFloat16(number)).isNaN == number.isNaN)
                return []
            },
            "BFloat16.init(bitPattern:)": {
                let number = BFloat16(bitPattern: UInt16(truncatingIfNeeded: $0.int()))
                #expect(BFloat16(Float(number)).bitPattern | 0x40 == number.bitPattern | 0x40)
                return []
            },
        ]
    }

    @Test("The calls below are of all public functions that take numbers")
    func complete() throws {
        let functions = try PublicFunctions.takingNumbers(in: "SwerveTensor")
        #expect(try functions.symmetricDifference(Self.calls().keys) == [])
    }

    @Test("No number ends the process or takes forever: the result is a tensor or a typed error")
    func calls() throws {
        for (name, call) in try Self.calls().sorted(by: { $0.key < $1.key }) {
            for seed in 0..<300 {
                var numbers = ExtremeNumbers(seed: seed)
                do {
                    for tensor in try call(&numbers) {
                        let count = tensor.shape.contains(0) ? 0 : tensor.shape.reduce(1, *)
                        #expect(tensor.elementCount == count, "\(name), seed \(seed)")
                    }
                } catch {
                    #expect(error is TensorError, "\(name), seed \(seed): \(error)")
                }
            }
        }
    }
}
