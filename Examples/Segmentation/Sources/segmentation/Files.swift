#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct FileError: Error, CustomStringConvertible {
    let description: String
    init(_ what: String, _ path: String) {
        self.description = "'\(path)' cannot be \(what): \(String(cString: strerror(errno)))"
    }
}

func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw FileError("opened", path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&block, 1, block.count, file)
        if count == 0 { return bytes }
        bytes += block[..<count]
    }
}

func write(_ bytes: some Collection<UInt8>, to path: String) throws {
    guard let file = fopen(path, "w") else { throw FileError("written", path) }
    defer { fclose(file) }
    let bytes = Array(bytes)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileError("written", path) }
}
