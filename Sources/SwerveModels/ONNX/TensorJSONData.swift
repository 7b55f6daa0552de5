internal import NIOCore
internal import Swerve
internal import SwerveONNX
internal import SwerveTensor

/// The elements of one input while it is being read, and the shape of their lists.
struct TensorJSONData {
    private let port: ONNXPort
    private let maximumBytes: Int
    private var bytes = ByteBuffer()
    private var texts: [String] = []
    private var textBytes = 0
    /// The lengths of the lists by depth: the length of the first list at each depth.
    private var lengths: [Int?] = []
    /// The depth of the elements; nil before the first.
    private var elementDepth: Int?

    init(_ port: ONNXPort, maximumBytes: Int) {
        self.port = port
        self.maximumBytes = maximumBytes
    }

    // MARK: Structure

    mutating func endList(depth: Int, count: Int) throws(ServeHTTPError) {
        while lengths.count <= depth { lengths.append(nil) }
        if let length = lengths[depth], length != count {
            throw refused("has lists of \(length) and \(count) elements in dimension \(depth)")
        }
        if let elementDepth, elementDepth <= depth { throw refused("mixes elements and lists in dimension \(depth)") }
        lengths[depth] = count
    }

    private mutating func place(depth: Int) throws(ServeHTTPError) {
        if let elementDepth, elementDepth != depth { throw refused("mixes elements and lists") }
        elementDepth = depth
    }

    /// The value of the elements.
    ///
    /// - Parameter shape: the shape from the client; nil uses the shape of the lists.
    func value(shape: [Int]?) throws(ServeHTTPError) -> ONNXValue {
        let found = lengths.map { $0 ?? 0 }
        if let elementDepth, elementDepth != lengths.count { throw refused("mixes elements and lists") }
        let count = elementDepth == nil ? 0 : found.reduce(1, *)
        // Flat data may have any shape; nested lists must have the given shape.
        if let shape, found.count > 1, found != shape, count > 0 {
            throw refused("has shape \(shape), but its lists have shape \(found)")
        }
        do {
            guard let elementType = port.elementType else {
                return .text(try StringTensor(shape: shape ?? found, values: texts))
            }
            return .tensor(try Tensor(shape: shape ?? found, elementType: elementType, bytes: bytes))
        } catch {
            throw refused("does not fit: \(error.message)")
        }
    }

    // MARK: Elements

    mutating func append(text: String, depth: Int) throws(ServeHTTPError) {
        try place(depth: depth)
        if port.type.isText {
            texts.append(text)
            textBytes += text.utf8.count + MemoryLayout<String>.stride
            return try checkSize()
        }
        guard let number = ["NaN": Double.nan, "Infinity": .infinity, "-Infinity": -.infinity][text],
            append(real: number)
        else { throw refused("takes \(port.type), not the text '\(text.prefix(40))'") }
        try checkSize()
    }

    mutating func append(word: String, depth: Int) throws(ServeHTTPError) {
        try place(depth: depth)
        guard append(word) else { throw refused("takes \(port.type), not \(word.prefix(40))") }
        try checkSize()
    }

    private mutating func append(_ word: String) -> Bool {
        switch port.elementType {
        case .bool?: append(flag: word)
        case .int8?: append(integer: Int8(word))
        case .int16?: append(integer: Int16(word))
        case .int32?: append(integer: Int32(word))
        case .int64?: append(integer: Int64(word))
        case .uint8?: append(integer: UInt8(word))
        case .uint16?: append(integer: UInt16(word))
        case .uint32?: append(integer: UInt32(word))
        case .uint64?: append(integer: UInt64(word))
        // Rounds once: going through Double would round some numbers to a neighbour.
        case .float32?: Float(word).map { bytes.writeInteger($0.bitPattern, endianness: .little) } != nil
        case .float64?, .float16?, .bfloat16?: Double(word).map { append(real: $0) } ?? false
        default: false
        }
    }

    private mutating func append(integer: (some FixedWidthInteger)?) -> Bool {
        guard let integer else { return false }
        bytes.writeInteger(integer, endianness: .little)
        return true
    }

    private mutating func append(flag word: String) -> Bool {
        switch word {
        case "true", "1": bytes.writeInteger(1 as UInt8)
        case "false", "0": bytes.writeInteger(0 as UInt8)
        default: return false
        }
        return true
    }

    private mutating func append(real: Double) -> Bool {
        switch port.elementType {
        case .float64?: bytes.writeInteger(real.bitPattern, endianness: .little)
        case .float32?: bytes.writeInteger(Float(real).bitPattern, endianness: .little)
        case .float16?: bytes.writeInteger(HalfPrecision.bits(Float(real)), endianness: .little)
        case .bfloat16?: bytes.writeInteger(BFloat16(Float(real)).bitPattern, endianness: .little)
        default: return false
        }
        return true
    }

    private func checkSize() throws(ServeHTTPError) {
        guard bytes.readableBytes + textBytes <= maximumBytes else {
            throw ServeHTTPError(.contentTooLarge, "input '\(port.name)' takes more than \(maximumBytes) bytes")
        }
    }

    private func refused(_ what: String) -> ServeHTTPError {
        ServeHTTPError(.unprocessableContent, "input '\(port.name)' \(what); it takes \(port)")
    }
}
