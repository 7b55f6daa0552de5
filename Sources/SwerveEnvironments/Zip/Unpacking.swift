internal import CZlib

/// Unpacks one entry of a ZIP file, never beyond the size that its list says, so that a few bytes cannot become many.
struct Unpacking {
    private let entry: ZipDirectory.Entry
    private let inflater: RawInflater?
    private var checksum: UInt = 0
    private var size = 0
    private var isOver = false

    init(_ entry: ZipDirectory.Entry) {
        self.entry = entry
        inflater = entry.isDeflated ? RawInflater() : nil
    }

    /// The next packed bytes.
    mutating func add(
        _ packed: [UInt8],
        _ take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void
    ) throws(FolderProblem) {
        guard let inflater else { return try pass(packed, take) }
        inflater.give(packed)
        while true {
            if isOver {
                if inflater.hasInput { throw damaged("bytes follow the end of its content") }
                return
            }
            let (status, bytes) = inflater.next()
            try pass(bytes, take)
            switch status {
            case Z_STREAM_END: isOver = true
            case Z_OK: break
            // Nothing more without more input.
            case Z_BUF_ERROR: return
            case Z_MEM_ERROR: throw FolderProblem(entry.name, "cannot be unpacked: no memory is left", isPassing: true)
            default: throw damaged(inflater.message ?? "its content is not deflate data")
            }
        }
    }

    private mutating func pass(
        _ bytes: [UInt8],
        _ take: (UnsafeRawBufferPointer) throws(FolderProblem) -> Void
    ) throws(FolderProblem) {
        guard !bytes.isEmpty else { return }
        size += bytes.count
        if size > entry.size { throw damaged("it has more than the \(entry.size) bytes that the list of entries says") }
        checksum = crc32(checksum, bytes, uInt(bytes.count))
        // The library's own closures throw any error.
        let result = bytes.withUnsafeBytes { bytes in Result { () throws(FolderProblem) in try take(bytes) } }
        try result.get()
    }

    /// All packed bytes were added.
    func finish() throws(FolderProblem) {
        if inflater != nil, !isOver { throw damaged("its content ends too early") }
        if size != entry.size { throw damaged("it has \(size) bytes, and the list of entries says \(entry.size)") }
        if UInt32(truncatingIfNeeded: checksum) != entry.checksum { throw damaged("its checksum is wrong") }
    }

    private func damaged(_ what: String) -> FolderProblem { FolderProblem(entry.name, "is damaged: \(what)") }
}

/// Deflate data without a frame around it.
private final class RawInflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool
    private var input: [UInt8] = []
    private var position = 0

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        isReady = inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit {
        if isReady { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    var hasInput: Bool { position < input.count }

    var message: String? { stream.pointee.msg.map { String(cString: $0) } }

    /// What was given before has been used up.
    func give(_ bytes: [UInt8]) { (input, position) = (bytes, 0) }

    /// - Returns: zlib's status and the next bytes.
    func next() -> (status: Int32, bytes: [UInt8]) {
        guard isReady else { return (Z_MEM_ERROR, []) }
        var status = Z_OK
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 18) { output, count in
            input.withUnsafeMutableBufferPointer { input in
                let given = input.count - position
                stream.pointee.next_in = input.baseAddress.map { $0 + position }
                stream.pointee.avail_in = uInt(given)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = uInt(output.count)
                status = inflate(stream, Z_NO_FLUSH)
                position += given - Int(stream.pointee.avail_in)
                count = output.count - Int(stream.pointee.avail_out)
            }
        }
        return (status, bytes)
    }
}
