import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A program of this package that runs beside the tests.
final class Program {
    private let process = Process()
    private let output: FileHandle
    private let input = Pipe()

    /// The folder that contains this test bundle and the programs.
    private static let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    convenience init(_ name: String, _ arguments: String...) throws {
        try self.init(Self.product(name), arguments)
    }

    static func product(_ name: String) -> URL { products.appending(path: name) }

    /// Writes a program that differs from other numbers' in its build id alone.
    static func write(_ name: String, asBuild number: UInt8, to url: URL) throws {
        var bytes = try Data(contentsOf: product(name))
        // The note: the lengths of its name and of its value, its type, its name, the id.
        let head = Data([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8))
        let note = try #require(bytes.range(of: head))
        bytes[note.upperBound] ^= number
        // Written by a child: while this process has the file open for writing, a process that another test starts may
        // have it, too, and nobody could run it.
        let writer = Process()
        writer.executableURL = URL(filePath: "/bin/sh")
        writer.arguments = ["-c", "cat > '\(url.path())' && chmod 755 '\(url.path())'"]
        let pipe = Pipe()
        writer.standardInput = pipe
        try writer.run()
        try pipe.fileHandleForWriting.write(contentsOf: bytes)
        try pipe.fileHandleForWriting.close()
        writer.waitUntilExit()
        #expect(writer.terminationStatus == 0)
    }

    init(_ program: URL, _ arguments: [String]) throws {
        let pipe = Pipe()
        output = pipe.fileHandleForReading
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardInput = input
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// The next line of its output.
    func line() async throws -> String {
        let output = output
        let line = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var line: [UInt8] = []
                while let byte = output.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") { line.append(byte) }
                continuation.resume(returning: String(decoding: line, as: UTF8.self))
            }
        }
        return try #require(line.isEmpty ? nil : line)
    }

    /// Writes a line to its input.
    func send(_ line: String) throws { try input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8)) }

    var processID: Int32 { process.processIdentifier }

    /// Sends SIGTERM.
    func terminate() { kill(process.processIdentifier, SIGTERM) }

    /// Waits until it has ended.
    func exitStatus() async -> Int32 {
        let process = process
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                process.waitUntilExit()
                continuation.resume()
            }
        }
        return process.terminationReason == .exit ? process.terminationStatus : -1
    }

    /// Kills it and every process that it started, all at once, and waits until it is gone.
    func killAll() async throws {
        let own = process.processIdentifier
        for child in Self.children(of: own) + [own] { kill(child, SIGKILL) }
        process.waitUntilExit()
    }

    /// The processes that it has started and that still run.
    var children: [Int32] { Self.children(of: process.processIdentifier) }

    private static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
            // The name, which may hold anything, ends with the last parenthesis; the state and the parent follow.
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            return fields.count > 2 && Int32(fields[2]) == parent
        }
    }
}

/// What the server at a port of this machine answers to `GET /`; `nil` if it does not answer with 200.
func answerOfServer(at port: Int) async -> String? {
    guard let client = HTTPClient(port: port) else { return nil }
    client.send("GET /")
    let answer = await client.answer()
    return answer?.status == 200 ? answer?.body : nil
}
