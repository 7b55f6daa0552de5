import NIOCore
import SwerveTensor
import TestSupport
import Testing

/// One line of the manifest of golden arrays.
private struct NPYCase: Decodable {
    var name: String
    var type: String
    var shape: [Int]
    /// Whether NumPy writes the array as we do: row-major, little-endian, format 1.0.
    var same: Bool
}

/// A text that may name an element type, and what NumPy takes it for.
private struct NPYType: Decodable {
    var text: String
    var type: String?
    var isBigEndian: Bool
}

/// A file with any header.
private func file(_ header: String, version: UInt8 = 1, length: Int? = nil, data: Int = 0) -> ByteBuffer {
    var file = ByteBuffer(bytes: [0x93] + Array("NUMPY".utf8) + [version, 0])
    if version == 1 {
        file.writeInteger(UInt16(length ?? header.utf8.count), endianness: .little)
    } else {
        file.writeInteger(UInt32(length ?? header.utf8.count), endianness: .little)
    }
    file.writeString(header)
    file.writeRepeatingByte(0, count: data)
    return file
}

private func header(_ shape: String, type: String = "'<f4'", order: String = "False") -> String {
    "{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape), }\n"
}

@Suite("npy")
struct NPYTests {
    @Test("Every kind of array that NumPy writes is read into row-major, little-endian order")
    func readsGoldenFiles() throws {
        let cases = try Golden.json("npy/manifest.json", as: [NPYCase].self)
        #expect(cases.count > 50)
        for golden in cases {
            let tensor = try Tensor(npy: Golden.bytes("npy/\(golden.name).npy"))
            #expect(tensor.shape == golden.shape, "\(golden.name)")
            #expect(tensor.elementType.name == golden.type, "\(golden.name)")
            #expect(try tensor.bytes == Golden.bytes("npy/\(golden.name).bin"), "\(golden.name)")
        }
    }

    @Test("Arrays are written byte for byte as in NumPy")
    func writesGoldenFiles() throws {
        let cases = try Golden.json("npy/manifest.json", as: [NPYCase].self).filter(\.same)
        #expect(cases.count >= 12)
        for golden in cases {
            let file = try Golden.bytes("npy/\(golden.name).npy")
            #expect(try Tensor(npy: file).npy() == file, "\(golden.name)")
        }
    }

    @Test("Elements start at a multiple of 64 even after a long shape")
    func writesAlignedElements() throws {
        for rank in 0...20 {
            let tensor = try Tensor(shape: [Int](repeating: 1, count: rank), values: [Float(rank)])
            let file = try tensor.npy()
            #expect((file.readableBytes - 4) % 64 == 0)
            #expect(try Tensor(npy: file) == tensor)
        }
    }

    @Test(
        "Arrays that a tensor cannot hold are refused, above all objects",
        arguments: ["object", "record", "text", "bytes", "complex", "date"]
    )
    func refusesOtherTypes(name: String) throws {
        let file = try Golden.bytes("npy/refused-\(name).npy")
        let error = #expect(throws: TensorError.self) { try Tensor(npy: file) }
        #expect(error?.code == .unsupportedType)
        if name == "object" { #expect(error?.message.contains("unpickled") == true) }
    }

    @Test("A shape above the limit is refused, even if the file is small")
    func hugeShape() {
        for shape in ["(1000000, 1000000)", "(4294967296,)", "(67108865,)"] {
            let error = #expect(throws: TensorError.self) { try Tensor(npy: file(header(shape))) }
            #expect(error?.code == .tooLarge)
        }
        let error = #expect(throws: TensorError.self) {
            try Tensor(npy: file(header("(3,)"), data: 12), limits: NPYLimits(maximumDataBytes: 11))
        }
        #expect(error?.code == .tooLarge)
    }

    @Test(
        "Dimensions that are negative or do not fit into 64 bits are refused",
        arguments: ["(-1,)", "(2, -3)", "(99999999999999999999,)", "(4294967296, 4294967296, 4294967296)"]
    )
    func impossibleShape(shape: String) {
        let error = #expect(throws: TensorError.self) { try Tensor(npy: file(header(shape))) }
        #expect(error?.code == .invalidShape)
    }

    @Test("More dimensions than the limit are refused")
    func tooManyDimensions() {
        let shape = "(" + String(repeating: "1,", count: 33) + ")"
        let error = #expect(throws: TensorError.self) { try Tensor(npy: file(header(shape), data: 4)) }
        #expect(error?.code == .tooLarge)
    }

    @Test("A header that announces more elements than follow is refused", arguments: [0, 11])
    func lyingShape(count: Int) {
        let error = #expect(throws: TensorError.self) { try Tensor(npy: file(header("(3,)"), data: count)) }
        #expect(error?.code == .sizeMismatch)
    }

    @Test(
        "A header that is not a dictionary as NumPy writes it is refused",
        arguments: [
            "", "{}", "{", "[]", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", "{'descr': '<f4', 'shape': (3,)}",
            "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} + 1",
            "{'descr': '<f4\\n', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0x3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os')}",
            "{'descr': '<f4, 'fortran_order': False, 'shape': (3,)", "{\u{0}\u{0}",
        ]
    )
    func malformedHeader(text: String) {
        let error = #expect(throws: TensorError.self) { try Tensor(npy: file(text, data: 12)) }
        #expect(error?.code == .malformed || error?.code == .unsupportedType)
    }

    @Test("Every text that names an element type for NumPy names it here, in the same byte order, and no other does")
    func typeNames() throws {
        let types = try Golden.json("npy/types.json", as: [NPYType].self)
        #expect(types.count > 700)
        #expect(types.filter { $0.type != nil }.count > 150)
        for golden in types {
            var array = file(header("(1,)", type: "'\(golden.text)'"))
            array.writeBytes([1, 0, 0, 0, 0, 0, 0, 0])
            let tensor = try? Tensor(npy: array)
            #expect(tensor?.elementType.name == golden.type, "\(golden.text)")
            guard let first = tensor?.bytes.readableBytesView.first else { continue }
            #expect(first == (golden.isBigEndian ? 0 : 1), "\(golden.text)")
        }
    }

    @Test("Files of other programs and of Python 2 are read, and bytes behind the array ignored, as NumPy does")
    func foreignFiles() throws {
        let names = try Golden.json("npy/foreign.json", as: [String].self)
        #expect(names.count == 12)
        for name in names {
            let tensor = try Tensor(npy: Golden.bytes("npy/foreign-\(name).npy"))
            #expect(try tensor == Golden.tensor("npy/expected-\(name).npy"), "\(name)")
        }
    }

    @Test("A header length beyond the file or the limit is refused")
    func lyingHeaderLength() {
        let text = header("(3,)")
        let short = #expect(throws: TensorError.self) { try Tensor(npy: file(text, length: 5000, data: 12)) }
        #expect(short?.code == .malformed)
        let huge = #expect(throws: TensorError.self) {
            try Tensor(npy: file(text, version: 2, length: Int(UInt32.max), data: 12))
        }
        #expect(huge?.code == .tooLarge)
    }

    @Test("A file truncated anywhere, or of another format version, is refused")
    func truncated() throws {
        let whole = try Tensor(shape: [3], values: [Float(1), 2, 3]).npy()
        for length in 0..<whole.readableBytes {
            let part = try #require(whole.getSlice(at: whole.readerIndex, length: length))
            #expect(throws: TensorError.self) { try Tensor(npy: part) }
        }
        #expect(throws: TensorError.self) { try Tensor(npy: file(header("(3,)"), version: 4, data: 12)) }
    }

    @Test("Two thousand damaged files are read or refused without harm")
    func randomDamage() throws {
        let whole = try Tensor(shape: [2, 3], values: (0..<6).map(Double.init)).npy()
        var random = SeededGenerator(seed: 20)
        var refused = 0
        for _ in 0..<2000 {
            var damaged = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let position = Int.random(in: 0..<90, using: &random)
                damaged.setInteger(UInt8.random(in: 0...255, using: &random), at: position)
            }
            do { _ = try Tensor(npy: damaged) } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }
}

/// Gives the same numbers on each run: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
