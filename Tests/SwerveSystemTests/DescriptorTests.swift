import SwerveSystem
import Testing

@Suite struct DescriptorTests {
    @Test func `a pipe hands on bytes, has none for now, and ends`() async {
        // In a process of its own: a program that another test starts holds the writing end for a moment.
        await #expect(processExitsWith: .success) {
            let pipe = try #require(Descriptors.makePipe())
            defer { Descriptors.close(pipe.readingEnd) }
            var chunk = [UInt8](repeating: 0, count: 10)
            #expect(throws: ErrorNumber.tryAgain) { try Descriptors.read(pipe.readingEnd, into: &chunk) }
            try Descriptors.writeAll(pipe.writingEnd, "hello".utf8)
            let count = try Descriptors.read(pipe.readingEnd, into: &chunk)
            #expect(count == 5 && chunk.prefix(5) == Array("hello".utf8)[...])
            Descriptors.close(pipe.writingEnd)
            let end = try Descriptors.read(pipe.readingEnd, into: &chunk)
            #expect(end == 0)
        }
    }

    @Test func `writing to a descriptor that is not open fails`() {
        #expect(throws: ErrorNumber.self) { try Descriptors.writeAll(-1, [1, 2, 3]) }
    }

    @Test func `open descriptors are counted`() async {
        await #expect(processExitsWith: .success) {
            // Threads of the libraries beneath open and close one now and then.
            let before = Descriptors.countOpen(below: 1000)
            let pipes = (1...20).compactMap { _ in Descriptors.makePipe() }
            #expect((before + 35...before + 45).contains(Descriptors.countOpen(below: 1000)))
            for pipe in pipes { Descriptors.close(pipe.readingEnd) }
            #expect((before + 15...before + 25).contains(Descriptors.countOpen(below: 1000)))
        }
    }

    @Test func `the limit is raised as far as it may be`() async {
        await #expect(processExitsWith: .success) {
            let raised = try #require(Descriptors.raiseLimit(to: 1 << 20))
            #expect(Descriptors.limit >= raised)
            #expect(Descriptors.raiseLimit(to: 16) == 16, "no more than is asked for is reported")
        }
    }

    @Test(arguments: ["EMFILE": 24, "ENOMEM": 12]) func `a shortage is told from other errors`(_ error: (String, Int32))
    {
        #expect(ErrorNumber(error.1).isShortage, "\(error.0)")
        #expect(!ErrorNumber.addressInUse.isShortage && !ErrorNumber.tryAgain.isShortage)
    }
}
