import SwerveSystem
import Testing

@Suite struct SocketTests {
    /// Two ends of a connection; the descriptors are closed after the body.
    private func withConnection(_ body: (_ caller: Int32, _ callee: Int32) throws -> Void) throws {
        try withFolder { folder in
            let listener = try UnixSockets.listen(at: "\(folder)/socket", backlog: 4)
            defer { Descriptors.close(listener) }
            let caller = try UnixSockets.connect(to: "\(folder)/socket")
            defer { Descriptors.close(caller) }
            let callee = try Sockets.accept(from: listener)
            try body(caller, callee)
        }
    }

    private func sent(_ socket: Int32, _ text: String) -> Int? {
        Array(text.utf8).withUnsafeBytes { Sockets.send(socket, $0) }
    }

    private func expect(_ socket: Int32, _ text: String) throws { #expect(try received(socket) == text) }

    private func received(_ socket: Int32) throws -> String {
        var chunk = [UInt8](repeating: 0, count: 100)
        let count = try Descriptors.read(socket, into: &chunk)
        return String(decoding: chunk[..<count], as: UTF8.self)
    }

    @Test func `what one end sends the other receives`() throws {
        try withConnection { caller, callee in
            defer { Descriptors.close(callee) }
            #expect(UnixSockets.isPeerTrusted(callee))
            #expect(sent(caller, "to the callee") == 13)
            #expect(Sockets.unsentBytes(caller) > 0)
            try expect(callee, "to the callee")
            #expect(sent(callee, "back") == 4)
            try expect(caller, "back")
        }
    }

    @Test func `slices are sent in their order`() throws {
        try withConnection { caller, callee in
            defer { Descriptors.close(callee) }
            let (first, second) = (Array("one ".utf8), Array("two".utf8))
            let count = first.withUnsafeBytes { first in
                second.withUnsafeBytes { Sockets.send(caller, [SocketSlice(first), SocketSlice($0)]) }
            }
            #expect(count == 7)
            try expect(callee, "one two")
        }
    }

    @Test func `a duplicate outlives the socket`() throws {
        try withConnection { caller, callee in
            let duplicate = try UnixSockets.duplicate(callee)
            defer { Descriptors.close(duplicate) }
            Descriptors.close(callee)
            #expect(sent(duplicate, "still here") == 10)
            try expect(caller, "still here")
            #expect(throws: ErrorNumber.self) { try UnixSockets.duplicate(-1) }
        }
    }

    @Test func `a full socket takes nothing, and a broken one is told`() throws {
        try withConnection { caller, callee in
            let bytes = [UInt8](repeating: 1, count: 1 << 20)
            bytes.withUnsafeBytes { bytes in
                while let count = Sockets.send(caller, bytes), count > 0 {}
                #expect(Sockets.send(caller, bytes) == 0)
                #expect(Sockets.send(caller, [SocketSlice(bytes)]) == 0)
                Descriptors.close(callee)
                #expect(Sockets.send(caller, bytes) == nil)
                #expect(Sockets.send(caller, [SocketSlice(bytes)]) == nil)
            }
        }
    }

    @Test func `sockets do not block`() throws {
        try withFolder { folder in
            let listener = try UnixSockets.listen(at: "\(folder)/socket", backlog: 4)
            defer { Descriptors.close(listener) }
            #expect(throws: ErrorNumber.tryAgain) { try Sockets.accept(from: listener) }
            let caller = try UnixSockets.connect(to: "\(folder)/socket")
            defer { Descriptors.close(caller) }
            #expect(throws: ErrorNumber.tryAgain) { try received(caller) }
        }
    }

    @Test func `a path that is taken, missing or too long is told`() throws {
        try withFolder { folder in
            let path = "\(folder)/socket"
            let missing = failure { _ = try UnixSockets.connect(to: path) }
            #expect(missing?.description == "cannot use \(path): No such file or directory")
            let listener = try UnixSockets.listen(at: path, backlog: 4)
            defer { Descriptors.close(listener) }
            let inUse = failure { _ = try UnixSockets.listen(at: path, backlog: 4) }
            #expect(inUse?.code == .addressInUse)
            let long = "\(folder)/" + String(repeating: "a", count: UnixSockets.maximumPathBytes)
            let tooLong = failure { _ = try UnixSockets.connect(to: long) }
            #expect(tooLong?.code == .nameTooLong)
        }
    }
}
