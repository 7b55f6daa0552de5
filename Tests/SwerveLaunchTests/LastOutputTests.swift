import Foundation
import SwerveCore
import Testing

@testable import SwerveLaunch

@Suite struct LastOutputTests {
    private func text(of pieces: String...) -> String {
        var last = LastOutput()
        for piece in pieces { last.wrote(piece.utf8) }
        return last.text()
    }

    @Test func `lines are joined from pieces, and the last one needs no line end`() {
        #expect(text(of: "fir", "st\nsec", "ond") == "first\nsecond")
        #expect(text(of: "") == "")
        #expect(text(of: "\n \n") == "")
    }

    @Test func `only the last lines are kept`() {
        let many = (1...30).map { "line \($0)\n" }.joined()
        #expect(text(of: many) == (21...30).map { "line \($0)" }.joined(separator: "\n"))
    }

    @Test func `a long line is cut`() {
        #expect(text(of: String(repeating: "x", count: 5000) + "\nend\n").utf8.count == 500 + 1 + 3)
    }

    @Test func `after a crash, the reason is kept and the report is not`() {
        let crash = """
            App/Model.swift:7: Fatal error: no weights

            *** Signal 4: Backtracing from 0x7faf43ef9361... done ***

            *** Program crashed: Illegal instruction at 0x00007faf43ef9361 ***

            Thread 0:
            """
        #expect(text(of: "loading\n", crash) == "loading\nApp/Model.swift:7: Fatal error: no weights")
        let withoutBacktracer =
            "App/Model.swift:7: Fatal error: no weights\nCurrent stack trace:\n0    libswiftCore.so\n"
        #expect(text(of: withoutBacktracer) == "App/Model.swift:7: Fatal error: no weights")
    }
}

@Suite(.timeLimit(.minutes(5))) struct OutputRelayTests {
    private func lastOutput(of script: String) async throws -> String? {
        var output: String?
        for await event in try Shell().launcher.events(of: ReplicaID(1), LaunchEnvironment(["SCRIPT": script])) {
            if case .exited(_, let last) = event { output = last }
        }
        return output
    }

    @Test func `the end of a process comes with its last output`() async throws {
        #expect(try await lastOutput(of: "echo one >&2; echo two >&2; exit 3") == "one\ntwo")
        #expect(try await lastOutput(of: "echo to the standard output; exit 3") == "")
    }

    @Test func `a process ends even if its children live on`() async throws {
        // The child keeps standard error open.
        #expect(try await lastOutput(of: "echo last >&2; sleep 3 & exit 0") == "last")
    }

    @Test func `a lot of output is passed on complete and in order`() async throws {
        let passedOn = Pipe()
        let relay = try #require(OutputRelay(to: passedOn.fileHandleForWriting.fileDescriptor))
        let bytes = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 % 251) })
        // Each has its own thread, because both block.
        DispatchQueue(label: "writer").async {
            let child = FileHandle(fileDescriptor: relay.writingEnd, closeOnDealloc: true)
            try? child.write(contentsOf: bytes)
        }
        let received = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "reader").async {
                continuation.resume(with: Result { try passedOn.fileHandleForReading.read(upToCount: bytes.count) })
            }
        }
        #expect(received == bytes)
    }
}
