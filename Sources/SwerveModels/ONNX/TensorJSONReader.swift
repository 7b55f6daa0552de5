internal import NIOCore
internal import Swerve
internal import SwerveONNX
internal import SwerveTensor

/// Reads inputs as JSON: `{"inputs": {"x": [[1, 2]], "y": {"shape": [1, 2], "dtype": "float32", "data": [3, 4]}}}`.
///
/// Elements are converted to bytes of the model's type as they are read. Values that do not fit are refused with status
/// 422 and the name of the input; invalid JSON is refused with status 400.
struct TensorJSONReader {
    private var scanner: JSONScanner
    private let inputs: [ONNXPort]
    private let maximumBytes: Int

    /// - Parameter maximumBytes: the most bytes that the elements of one input may take.
    init(_ bytes: [UInt8], inputs: [ONNXPort], maximumBytes: Int) {
        scanner = JSONScanner(bytes)
        self.inputs = inputs
        self.maximumBytes = maximumBytes
    }

    /// - Throws: ``ServeHTTPError`` with status 400, 413 or 422.
    mutating func read() throws(ServeHTTPError) -> [String: ONNXValue] {
        guard scanner.next == UInt8(ascii: "{") else { throw mismatch("the body must be an object: {\"inputs\": {…}}") }
        try scanner.expect("{")
        var values: [String: ONNXValue]?
        var isFirst = true
        while let key = try scanner.key(isFirst: isFirst) {
            isFirst = false
            guard key == "inputs" else {
                throw refused("the body may have only 'inputs', not '\(key.prefix(80))'")
            }
            guard values == nil else { throw refused("the body has 'inputs' twice") }
            values = try readInputs()
        }
        try scanner.expectEnd()
        guard let values else { throw refused("'inputs' is missing; the model takes \(list)") }
        return values
    }

    private var list: String { inputs.map(\.description).joined(separator: ", ") }

    private mutating func readInputs() throws(ServeHTTPError) -> [String: ONNXValue] {
        guard scanner.accept("{") else { throw mismatch("'inputs' must be an object with \(list)") }
        var values: [String: ONNXValue] = [:]
        var isFirst = true
        while let name = try scanner.key(isFirst: isFirst) {
            isFirst = false
            guard let port = inputs.first(where: { $0.name == name }) else {
                throw refused("there is no input '\(name.prefix(80))'; the model takes \(list)")
            }
            guard values[name] == nil else { throw refused("input '\(name)' is given twice") }
            guard port.type.isSupported else {
                throw refused("input '\(name)' has the type \(port.type), which JSON cannot express")
            }
            values[name] =
                scanner.next == UInt8(ascii: "{")
                ? try readObject(port) : try readData(port).value(shape: nil)
        }
        if let missing = inputs.first(where: { values[$0.name] == nil }) {
            throw refused("input '\(missing.name)' is missing; the model takes \(list)")
        }
        return values
    }

    /// `{"shape": …, "dtype": …, "data": …}` in any order.
    private mutating func readObject(_ port: ONNXPort) throws(ServeHTTPError) -> ONNXValue {
        try scanner.expect("{")
        var shape: [Int]?
        var data: TensorJSONData?
        var isFirst = true
        while let key = try scanner.key(isFirst: isFirst) {
            isFirst = false
            switch key {
            case "shape" where shape == nil: shape = try readShape(port)
            case "data" where data == nil: data = try readData(port)
            case "dtype":
                guard scanner.next == UInt8(ascii: "\"") else {
                    throw mismatch("'dtype' of input '\(port.name)' must be a string")
                }
                let name = try scanner.string()
                guard name == port.type.name else {
                    throw refused("input '\(port.name)' takes \(port.type), not \(name.prefix(40))")
                }
            default:
                throw refused(
                    "input '\(port.name)' must be a list, or an object with one 'shape', 'dtype' and 'data', not "
                        + "'\(key.prefix(80))'"
                )
            }
        }
        guard let data else { throw refused("'data' of input '\(port.name)' is missing") }
        return try data.value(shape: shape)
    }

    private mutating func readShape(_ port: ONNXPort) throws(ServeHTTPError) -> [Int] {
        var shape: [Int] = []
        let expected = "'shape' of input '\(port.name)' must be a list of at most \(ONNXPort.maximumRank) sizes"
        guard scanner.accept("[") else { throw mismatch(expected) }
        while try scanner.hasElement(isFirst: shape.isEmpty) {
            guard shape.count < ONNXPort.maximumRank, let size = Int(try scanner.word()), size >= 0 else {
                throw refused(expected)
            }
            shape.append(size)
        }
        return shape
    }

    /// Reads nested lists or a single element.
    private mutating func readData(_ port: ONNXPort) throws(ServeHTTPError) -> TensorJSONData {
        var data = TensorJSONData(port, maximumBytes: maximumBytes)
        try readList(port, into: &data, depth: 0)
        return data
    }

    private mutating func readList(_ port: ONNXPort, into data: inout TensorJSONData, depth: Int) throws(ServeHTTPError)
    {
        switch scanner.next {
        case UInt8(ascii: "["):
            guard depth < ONNXPort.maximumRank else {
                throw refused("input '\(port.name)' has more than \(ONNXPort.maximumRank) dimensions")
            }
            try scanner.expect("[")
            var count = 0
            while try scanner.hasElement(isFirst: count == 0) {
                try readList(port, into: &data, depth: depth + 1)
                count += 1
            }
            try data.endList(depth: depth, count: count)
        case UInt8(ascii: "\""): try data.append(text: try scanner.string(), depth: depth)
        case UInt8(ascii: "{"): throw refused("input '\(port.name)' holds an object among its elements")
        default: try data.append(word: try scanner.word(), depth: depth)
        }
    }

    /// The error for an unexpected value; if the body ends here, it is invalid JSON instead.
    private mutating func mismatch(_ what: String) -> ServeHTTPError {
        scanner.next == nil ? scanner.malformed("it ends") : refused(what)
    }

    private func refused(_ what: String) -> ServeHTTPError { ServeHTTPError(.unprocessableContent, what) }
}
