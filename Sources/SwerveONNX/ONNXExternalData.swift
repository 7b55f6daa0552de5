internal import SwerveSystem

/// Finds the files that hold weights of a model, by reading the names in its graph.
///
/// An ONNX file is a protobuf message. Its tensors are in it, or each names a `location`, a file relative to the model's
/// folder. Export tools choose any names, so no pattern of names finds them all. The reader passes over everything but
/// the messages that may hold a tensor, and keeps only a small window of the file in memory.
package enum ONNXExternalData {
    /// The most files; a model with more names is read no further.
    static let maximumFiles = 65_536
    /// The longest name, in bytes.
    static let maximumNameBytes = 4096
    /// The deepest level of messages, which subgraphs reach.
    static let maximumDepth = 100

    /// The names in a model file, sorted; empty for a file that is not a model. Of a damaged file, the names before the
    /// damage: ONNX Runtime refuses it with a better message.
    ///
    /// - Throws: `SystemFailure` when the file cannot be read.
    package static func locations(in path: String) throws -> [String] {
        guard let size = FileSystem.size(path) else { throw SystemFailure("read", path, .noSuchFile) }
        var reader = Reader(window: FileWindow(try ReadOnlyFile(path)))
        try reader.read(size)
        return reader.locations.sorted()
    }

    /// The messages of `onnx.proto` that may hold tensors, and the numbers of the fields that lead to them.
    private enum Message {
        case model, training, function, graph, node, attribute, sparseTensor, tensor, entry

        func field(_ number: UInt64) -> Message? {
            switch (self, number) {
            case (.model, 7): .graph
            case (.model, 20): .training
            case (.model, 25): .function
            case (.training, 1), (.training, 2): .graph
            case (.function, 7): .node
            case (.function, 11): .attribute
            case (.graph, 1): .node
            case (.graph, 5): .tensor
            case (.graph, 15): .sparseTensor
            case (.node, 5): .attribute
            case (.attribute, 5), (.attribute, 10): .tensor
            case (.attribute, 6), (.attribute, 11): .graph
            case (.attribute, 22), (.attribute, 23): .sparseTensor
            case (.sparseTensor, 1), (.sparseTensor, 2): .tensor
            case (.tensor, 13): .entry
            default: nil
            }
        }
    }

    private struct Reader {
        var window: FileWindow
        private(set) var locations: Set<String> = []
        /// The open messages, outermost first, and where they end.
        private var open: [(message: Message, end: Int)] = []
        private var position = 0
        /// The key and the value of the entry that is open.
        private var key = ""
        private var value = ""

        init(window: FileWindow) {
            self.window = window
        }

        mutating func read(_ size: Int) throws {
            open = [(.model, size)]
            while let (message, end) = open.last, locations.count < maximumFiles {
                if position < end {
                    guard try readField(of: message, end: end) else { return }
                } else {
                    if message == .entry, key == "location", !value.isEmpty { locations.insert(value) }
                    open.removeLast()
                }
            }
        }

        /// - Returns: false when the file is damaged.
        private mutating func readField(of message: Message, end: Int) throws -> Bool {
            guard let tag = try number(before: end) else { return false }
            switch tag & 7 {
            case 0: return try number(before: end) != nil
            case 1: return skip(8, before: end)
            case 5: return skip(4, before: end)
            case 2:
                guard let length = try number(before: end), length <= UInt64(end - position) else { return false }
                let count = Int(length)
                if message == .entry, tag >> 3 == 1 || tag >> 3 == 2 {
                    let text = count <= maximumNameBytes ? try window.text(at: position, count: count) : ""
                    if tag >> 3 == 1 { key = text } else { value = text }
                } else if let inner = message.field(tag >> 3), open.count < maximumDepth {
                    if inner == .entry { (key, value) = ("", "") }
                    open.append((inner, position + count))
                    return true
                }
                return skip(count, before: end)
            default: return false
            }
        }

        private mutating func skip(_ count: Int, before end: Int) -> Bool {
            guard count <= end - position else { return false }
            position += count
            return true
        }

        /// The next number in protobuf's form of seven bits a byte; nil when it does not end before `end`.
        private mutating func number(before end: Int) throws -> UInt64? {
            var number: UInt64 = 0
            for shift in stride(from: 0, to: 64, by: 7) {
                guard position < end, let byte = try window.byte(at: position) else { return nil }
                position += 1
                number |= UInt64(byte & 0x7F) << UInt64(shift)
                if byte & 0x80 == 0 { return number }
            }
            return nil
        }
    }

    /// A small part of a file in memory, which moves to where the bytes are read.
    private struct FileWindow {
        private let file: ReadOnlyFile
        private var bytes = [UInt8](repeating: 0, count: 16_384)
        private var start = 0
        private var count = 0

        init(_ file: ReadOnlyFile) {
            self.file = file
        }

        mutating func byte(at offset: Int) throws -> UInt8? {
            if offset < start || offset >= start + count {
                start = offset
                count = try bytes.withUnsafeMutableBytes { try file.read(at: offset, into: $0) }
                guard count > 0 else { return nil }
            }
            return bytes[offset - start]
        }

        mutating func text(at offset: Int, count: Int) throws -> String {
            var text: [UInt8] = []
            while text.count < count, let byte = try byte(at: offset + text.count) { text.append(byte) }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
