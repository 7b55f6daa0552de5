package import SwerveTensor

/// A model with one operator, `y = Identity(x)`, hand-written as the few fields of its protocol buffer.
package enum IdentityModel {
    private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        precondition(content.count < 128)
        return [number << 3 | 2, UInt8(content.count)] + content
    }

    /// - Parameter dimensions: numbers, or names for dynamic dimensions.
    package static func bytes(_ type: ElementType, dimensions: [String] = ["n", "3"]) -> [UInt8] {
        let codes: [String: UInt8] = [
            "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
            "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "bfloat16": 16,
        ]
        let shape = dimensions.flatMap { dimension in
            field(1, UInt8(dimension).map { [0x08, $0] } ?? field(2, Array(dimension.utf8)))
        }
        let tensor = field(1, [0x08, codes[type.name] ?? 0] + field(2, shape))
        func port(_ name: String) -> [UInt8] { field(1, Array(name.utf8)) + field(2, tensor) }
        let node = field(1, Array("x".utf8)) + field(2, Array("y".utf8)) + field(4, Array("Identity".utf8))
        let graph = field(1, node) + field(2, Array("g".utf8)) + field(11, port("x")) + field(12, port("y"))
        return [0x08, 8] + field(7, graph) + field(8, [0x10, 17])
    }
}
