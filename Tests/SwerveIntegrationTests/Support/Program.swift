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

    /// The folder that contains this test bundle and the programs.
    private static let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    init(_ name: String, _ arguments: String...) throws {
        let pipe = Pipe()
        output = pipe.fileHandleForReading
        process.executableURL = Self.products.appending(path: name)
        process.arguments = arguments
        process.standardOutput = pipe
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

    /// Kills it and every process that it started, all at once, and waits until it is gone.
    func killAll() async throws {
        let own = process.processIdentifier
        for child in Self.children(of: own) + [own] { kill(child, SIGKILL) }
        process.waitUntilExit()
    }

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

/// What the server at a port of this machine answers to `GET /`; `nil` if it does not.
func answerOfServer(at port: Int) async -> String? {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(client) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    let request = "GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"
    guard isConnected, send(client, request, request.utf8.count, 0) == request.utf8.count else { return nil }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(client, &chunk, chunk.count, 0), count > 0 { answer += chunk[..<count] }
    let text = String(decoding: answer, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 200"), let end = text.range(of: "\r\n\r\n") else { return nil }
    return String(text[end.upperBound...])
}
