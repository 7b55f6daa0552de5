import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A connection to a server of this machine, with blocking calls: what it does depends on no event loop of the tests.
final class HTTPClient: Sendable {
    private let descriptor: Int32

    /// - Returns: `nil` if the connection is refused.
    init?(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let descriptor = descriptor
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if !isConnected { return nil }
    }

    deinit { close(descriptor) }

    /// - Parameter line: the method and the target.
    func send(_ line: String) {
        let request = "\(line) HTTP/1.1\r\nhost: here\r\n\r\n"
        _ = Self.write(descriptor, request, request.utf8.count)
    }

    private static func write(_ descriptor: Int32, _ text: String, _ count: Int) -> Int {
        // Without the signal that a closed connection would send.
        #if canImport(Glibc)
            Glibc.send(descriptor, text, count, Int32(MSG_NOSIGNAL))
        #else
            Darwin.send(descriptor, text, count, 0)
        #endif
    }

    /// The next answer; `nil` if the connection ends before it is whole.
    func answer() async -> (status: Int, body: String)? {
        let descriptor = descriptor
        return await withCheckedContinuation { continuation in
            DispatchQueue(label: "client").async { continuation.resume(returning: Self.read(descriptor)) }
        }
    }

    private static func read(_ descriptor: Int32) -> (status: Int, body: String)? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound].split(separator: "\r\n").map { $0.lowercased() }
                let length = head.first { $0.hasPrefix("content-length: ") }.flatMap {
                    Int($0.dropFirst("content-length: ".count))
                }
                let status = head.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
                if let length, let status, text[end.upperBound...].utf8.count >= length {
                    return (status, String(text[end.upperBound...].utf8.prefix(length)) ?? "")
                }
            }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { return nil }
            bytes += chunk[..<count]
        }
    }
}
