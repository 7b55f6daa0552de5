import SwerveLogs
import Testing

@Suite struct LineSplitterTests {
    private func lines(_ parts: String..., limit: Int = 100) -> [String] {
        var splitter = LineSplitter(limit: limit)
        var lines = parts.flatMap { splitter.wrote($0.utf8) }
        if let last = splitter.end() { lines.append(last) }
        return lines
    }

    @Test func `lines end where they end, however they were written`() {
        #expect(lines("one\ntwo\n") == ["one", "two"])
        #expect(lines("o", "ne\nt", "", "wo", "\n") == ["one", "two"])
        #expect(lines("one\r\n\ntwo") == ["one", "", "two"])
    }

    @Test func `a long line is cut between characters and says how much is missing`() {
        #expect(
            lines(String(repeating: "x", count: 13) + "\nnext\n", limit: 10) == ["xxxxxxxxxx … (3 bytes more)", "next"]
        )
        // Two bytes each: the fifth one begins at the ninth byte.
        #expect(lines("aääääää\n", limit: 10) == ["aääää … (4 bytes more)"])
        #expect(lines("exactly 10\n", limit: 10) == ["exactly 10"])
    }

    @Test func `a line without an end takes no more memory than allowed`() {
        var splitter = LineSplitter(limit: 10)
        for _ in 0..<1000 { #expect(splitter.wrote([UInt8](repeating: 120, count: 100)).isEmpty) }
        #expect(splitter.end() == "xxxxxxxxxx … (99990 bytes more)")
        #expect(splitter.end() == nil)
    }

    @Test func `bytes that are no text are replaced`() {
        var splitter = LineSplitter(limit: 100)
        #expect(splitter.wrote([97, 0xFF, 98, 10]) == ["a\u{FFFD}b"])
    }
}
