import SwerveSystem
import Testing

@Suite struct SharedWordsTests {
    @Test func `what one mapping stores another loads`() throws {
        try withFolder { folder in
            let writer = try SharedWords(path: "\(folder)/words", count: 4, create: true)
            let reader = try SharedWords(path: "\(folder)/words", count: 4, create: false)
            for index in 0..<4 { #expect(reader.load(at: index) == 0) }
            writer.store(.max, at: 0)
            writer.store(7, at: 3)
            #expect([0, 1, 2, 3].map { reader.load(at: $0) } == [.max, 0, 0, 7])
        }
    }

    @Test func `the memory stays when the file is removed`() throws {
        try withFolder { folder in
            let words = try SharedWords(path: "\(folder)/words", count: 1, create: true)
            try FileSystem.remove("\(folder)/words")
            words.store(1, at: 0)
            #expect(words.load(at: 0) == 1)
        }
    }

    @Test func `a file that is there, missing or too short is told by the call that failed`() throws {
        try withFolder { folder in
            let path = "\(folder)/words"
            let missing = failure { _ = try SharedWords(path: path, count: 4, create: false) }
            #expect(missing?.isMissing == true)
            let words = try SharedWords(path: path, count: 4, create: true)
            #expect(words.load(at: 0) == 0)
            let taken = failure { _ = try SharedWords(path: path, count: 4, create: true) }
            #expect(taken?.attempt == "open" && taken?.code == .exists)
            let short = failure { _ = try SharedWords(path: path, count: 5, create: false) }
            #expect(short?.attempt == "fstat" && short?.path == path)
        }
    }
}
