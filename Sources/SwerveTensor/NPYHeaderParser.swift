/// Reads the dictionary in the header of a `.npy` file.
///
/// The header is a Python literal such as `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. Only what NumPy
/// and similar programs write for plain arrays is accepted; nothing is evaluated.
struct NPYHeaderParser {
    /// The values of the dictionary.
    struct Header: Equatable {
        var descriptor: String
        var isFortranOrder: Bool
        var shape: [Int]
    }

    private let text: [UInt8]
    private var position = 0

    /// - Parameter text: the header without the magic string, version and length.
    init(_ text: [UInt8]) {
        self.text = text
    }

    /// - Throws: ``TensorError`` with code `malformed`, or `unsupportedType` for a record type.
    mutating func parse(limits: NPYLimits) throws(TensorError) -> Header {
        var descriptor: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !accept("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr" where descriptor == nil:
                guard next != UInt8(ascii: "[") else {
                    throw TensorError(.unsupportedType, ".npy: records (structured types) are not supported")
                }
                descriptor = try string()
            case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
            case "shape" where shape == nil: shape = try tuple(limits: limits)
            default: throw malformed("unexpected key '\(key)'")
            }
            if !accept(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard position == text.count else { throw malformed("text after the dictionary") }
        guard let descriptor, let isFortranOrder, let shape else {
            throw malformed("the header needs descr, fortran_order and shape")
        }
        return Header(descriptor: descriptor, isFortranOrder: isFortranOrder, shape: shape)
    }

    // MARK: Values

    private mutating func string() throws(TensorError) -> String {
        // Python 2 marks texts of Unicode with a u.
        if let prefix = next, prefix == UInt8(ascii: "u") || prefix == UInt8(ascii: "U") { position += 1 }
        guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw malformed("expected a string at \(position)")
        }
        let start = position + 1
        guard let end = text[start...].firstIndex(of: quote) else { throw malformed("a string has no closing quote") }
        let content = text[start..<end]
        guard !content.contains(UInt8(ascii: "\\")) else { throw malformed("escapes are not accepted") }
        position = end + 1
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func boolean() throws(TensorError) -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw malformed("fortran_order is neither True nor False")
    }

    private mutating func tuple(limits: NPYLimits) throws(TensorError) -> [Int] {
        var sizes: [Int] = []
        try expect("(")
        while !accept(")") {
            guard sizes.count < limits.maximumRank else {
                throw TensorError(.tooLarge, ".npy: more than \(limits.maximumRank) dimensions")
            }
            sizes.append(try integer())
            if !accept(",") {
                // `(3)` is a number in Python, not a tuple.
                guard sizes.count > 1 else { throw malformed("the shape is not a tuple") }
                try expect(")")
                break
            }
        }
        return sizes
    }

    private mutating func integer() throws(TensorError) -> Int {
        skipSpace()
        guard next != UInt8(ascii: "-") else { throw TensorError(.invalidShape, ".npy: a dimension is negative") }
        let digits = text[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty else { throw malformed("expected a number at \(position)") }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw TensorError(.invalidShape, ".npy: a dimension has \(digits.count) digits")
        }
        position = digits.endIndex
        // Python 2 wrote long integers with an L at the end.
        if position < text.count, text[position] == UInt8(ascii: "L") { position += 1 }
        return value
    }

    // MARK: Characters

    private var next: UInt8? {
        mutating get {
            skipSpace()
            return position < text.count ? text[position] : nil
        }
    }

    private mutating func skipSpace() {
        while position < text.count, [0x20, 0x0A, 0x0D, 0x09].contains(text[position]) { position += 1 }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(TensorError) {
        guard accept(character) else { throw malformed("expected '\(character)' at \(position)") }
    }

    private func malformed(_ what: String) -> TensorError {
        TensorError(.malformed, ".npy header: \(what)")
    }
}
