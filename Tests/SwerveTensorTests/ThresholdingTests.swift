import SwerveTensor
import TestSupport
import Testing

/// One line of the manifest of golden thresholds.
private struct ThresholdCase: Decodable {
    var input: String
    var threshold: Int
    var output: String
}

@Suite("Thresholding tensors")
struct ThresholdingTests {
    @Test("Elements of every type are compared as in NumPy, at the ends of their range and beyond")
    func golden() throws {
        let cases = try Golden.json("thresholds/manifest.json", as: [ThresholdCase].self)
        #expect(cases.count >= 100)
        for golden in cases {
            let result = try Golden.tensor("thresholds/\(golden.input).npy").thresholded(golden.threshold)
            #expect(try result == Golden.tensor("thresholds/\(golden.output).npy"), "\(golden)")
        }
    }

    @Test(
        "The elements of bfloat16, which NumPy lacks, are compared likewise",
        arguments: [(128, [0, 0, 255, 255]), (Int.max, [0, 0, 0, 255])]
    )
    func bfloat16(threshold: Int, expected: [Float]) throws {
        let values: [Float] = [.nan, 128, 129, .infinity]
        let result = try Tensor(shape: [2, 2], values: values.map(BFloat16.init)).thresholded(threshold)
        #expect(result.shape == [2, 2])
        #expect(try result.values(as: BFloat16.self).map { Float($0) } == expected)
    }

    @Test(
        "A tensor keeps its shape, also without elements or dimensions",
        arguments: [[], [0], [3, 0, 2], [1, 1, 1]]
    )
    func shapes(shape: [Int]) throws {
        let values = [Int32](repeating: 7, count: shape.reduce(1, *))
        let expected = try Tensor(shape: shape, values: values.map { _ in Int32(255) })
        #expect(try Tensor(shape: shape, values: values).thresholded(6) == expected)
    }

    @Test("Types that cannot hold 255 are refused")
    func refused() throws {
        for tensor in [try Tensor(shape: [1], values: [Int8.max]), try Tensor(shape: [1], values: [true])] {
            let error = #expect(throws: TensorError.self) { try tensor.thresholded(0) }
            #expect(error?.code == .unsupportedType)
        }
    }
}
