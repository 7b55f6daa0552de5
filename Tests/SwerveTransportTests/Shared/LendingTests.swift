import SwerveCore
import SwerveSystem
import Testing

@testable import SwerveTransport

private func loan(_ bytes: String, segment: UInt64 = 1) -> Lending<String>.Loan {
    let place = SegmentPlace(descriptor: 3, device: 1, inode: 2, bytes: 1 << 16)
    let range = SegmentRange(segment: segment, place: place, offset: 0, count: 10)
    return Lending<String>.Loan(bytes: bytes, range: range)
}

@Suite struct LendingTests {
    @Test func `nothing is lent before the peer has tried an offer`() throws {
        var lending = Lending<String>()
        #expect(lending.isUntried)
        #expect(lending.lend(loan("a")) == nil)
        #expect(lending.offer(loan("offer")) == 1)
        #expect(lending.offer(loan("again")) == nil)
        #expect(lending.lend(loan("a")) == nil)
        _ = try lending.answered(true)
        #expect(lending.isAllowed)
        #expect(lending.lend(loan("a")) == 2)
        #expect(lending.count == 2)
    }

    @Test func `a peer that cannot read is lent nothing`() throws {
        var lending = Lending<String>()
        _ = lending.offer(loan("offer"))
        let offer = try lending.answered(false)
        #expect(offer?.bytes == "offer")
        #expect(lending.count == 0)
        #expect(lending.lend(loan("a")) == nil)
        #expect(lending.offer(loan("again")) == nil)
    }

    @Test func `a loan ends once`() throws {
        var lending = Lending<String>()
        _ = lending.offer(loan("offer"))
        #expect(try lending.loan(1).bytes == "offer")
        let ended = try lending.ended(1)
        #expect(ended.bytes == "offer")
        #expect(throws: ServeError.self) { _ = try lending.ended(1) }
        #expect(throws: ServeError.self) { _ = try lending.loan(1) }
    }

    @Test func `an answer without an offer, and a second one, are refused`() throws {
        var lending = Lending<String>()
        #expect(throws: ServeError.self) { _ = try lending.answered(true) }
        _ = lending.offer(loan("offer"))
        _ = try lending.answered(true)
        #expect(throws: ServeError.self) { _ = try lending.answered(true) }
    }

    @Test func `what the peer still has when the connection ends is returned, and nothing is lent afterwards`() throws {
        var lending = Lending<String>()
        _ = lending.offer(loan("offer", segment: 4))
        _ = try lending.answered(true)
        _ = lending.lend(loan("a", segment: 5))
        let left = lending.close()
        #expect(left.map(\.range.segment).sorted() == [4, 5])
        #expect(lending.lend(loan("b")) == nil)
        #expect(lending.offer(loan("b")) == nil)
        #expect(lending.count == 0)
        _ = try lending.answered(true)
    }
}

@Suite struct BorrowingTests {
    @Test func `a mapping serves later loans of its segment, one at a time`() throws {
        var borrowing = Borrowing<String>()
        #expect(borrowing.mapping(of: 7) == nil)
        try borrowing.began(1, segment: 7, "first")
        #expect(borrowing.mapping(of: 7) == nil)
        try borrowing.began(2, segment: 7, "second")
        let (first, second) = (borrowing.ended(1), borrowing.ended(2))
        #expect(first == (true, nil))
        #expect(second == (true, "second"))
        #expect(borrowing.mapping(of: 7) == "first")
        #expect(borrowing.mapping(of: 7) == nil)
    }

    @Test func `a loan is found by its memory`() throws {
        var borrowing = Borrowing<String>()
        try borrowing.began(1, segment: 7, "a")
        try borrowing.began(2, segment: 8, "b")
        #expect(borrowing.loan { $0 == "b" }?.number == 2)
        #expect(borrowing.loan { $0 == "c" } == nil)
    }

    @Test func `a loan that is out cannot begin again, nor its segment be over`() throws {
        var borrowing = Borrowing<String>()
        try borrowing.began(1, segment: 7, "a")
        #expect(throws: ServeError.self) { try borrowing.began(1, segment: 8, "b") }
        #expect(throws: ServeError.self) { _ = try borrowing.forgot(7) }
        _ = borrowing.ended(1)
        let (first, second) = (try borrowing.forgot(7), try borrowing.forgot(7))
        #expect(first == "a")
        #expect(second == nil)
        #expect(borrowing.mappings == 0)
    }

    @Test func `after the end of the connection a mapping stays as long as it is used, and the peer is told nothing`()
        throws
    {
        var borrowing = Borrowing<String>()
        try borrowing.began(1, segment: 7, "a")
        try borrowing.began(2, segment: 8, "b")
        _ = borrowing.ended(2)
        let unused = borrowing.close()
        #expect(unused == ["b"])
        #expect(borrowing.count == 1)
        let last = borrowing.ended(1)
        #expect(last == (false, "a"))
        #expect(borrowing.mappings == 0)
    }
}
