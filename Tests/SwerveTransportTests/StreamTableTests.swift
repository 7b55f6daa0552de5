import NIOCore
import SwerveActors
import SwerveCore
import Testing

@testable import SwerveTransport

@Suite struct StreamTableTests {
    private func insert<Owner>(_ owner: Owner, _ table: inout StreamTable<Owner>) throws -> UInt64 {
        let stream = table.insert(owner)
        return try #require(stream)
    }

    @Test func `streams are found by their numbers, which only grow`() throws {
        var table = StreamTable<String>()
        let a = try insert("a", &table)
        let b = try insert("b", &table)
        #expect(a < b)
        #expect((table[a], table[b]) == ("a", "b"))
        #expect(table.count == 2)
        #expect(StreamTable<String>.sequence(of: a) == 1)
        #expect(StreamTable<String>.sequence(of: b) == 2)
    }

    @Test func `the number of a finished stream finds nothing, not even the new owner of its slot`() throws {
        var table = StreamTable<String>()
        let old = try insert("old", &table)
        table.remove(old)
        #expect(table[old] == nil)
        #expect(table.count == 0)
        let new = try insert("new", &table)
        #expect(StreamTable<String>.slot(of: new) == StreamTable<String>.slot(of: old))
        #expect(new > old)
        #expect(table[old] == nil)
        table.remove(old)
        #expect(table[new] == "new")
        #expect(table.count == 1)
    }

    @Test(arguments: [0, 1, 5, 1 << 19, .max] as [UInt64])
    func `numbers that were never assigned find nothing`(number: UInt64) {
        var table = StreamTable<String>()
        _ = table.insert("a")
        #expect(table[number] == nil)
        table.remove(number)
        #expect(table.count == 1)
    }

    @Test func `a full table takes no more streams until one leaves`() throws {
        var table = StreamTable<Int>()
        var last: UInt64 = 0
        for number in 0..<ConnectionLimits.maximumStreams { last = try insert(number, &table) }
        #expect(table.insert(-1) == nil)
        #expect(table.count == ConnectionLimits.maximumStreams)
        table.remove(last)
        let again = try insert(-2, &table)
        #expect(table[again] == -2)
        #expect(table.insert(-3) == nil)
        #expect(table.removeAll().count == ConnectionLimits.maximumStreams)
        #expect(table.count == 0)
        #expect(table[again] == nil)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a table behaves like a dictionary that never uses a key twice`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var table = StreamTable<Int>()
        var model: [UInt64: Int] = [:]
        var given: [UInt64] = []
        for number in 0..<2000 {
            if random.next(below: 5) < 3 || given.isEmpty {
                let stream = try insert(number, &table)
                #expect(given.last.map { $0 < stream } ?? true)
                model[stream] = number
                given.append(stream)
            } else {
                let stream = given[random.next(below: given.count)]
                table.remove(stream)
                model[stream] = nil
            }
            let stream = given[random.next(below: given.count)]
            #expect(table[stream] == model[stream])
            #expect(table.count == model.count)
        }
        let left = table.removeAll()
        #expect(Dictionary(uniqueKeysWithValues: left.map { ($0.stream, $0.owner) }) == model)
    }
}

@Suite struct IncomingTableTests {
    private func number(_ sequence: UInt64, slot: UInt64) -> UInt64 { sequence << StreamTable<Int>.slotBits | slot }

    private func reply(_ stream: UInt64, _ peer: TestPeer) -> FramedReply { FramedReply(stream, peer.connection, nil) }

    @Test func `requests are found by the caller's number until they are over`() throws {
        let peer = try TestPeer()
        var table = IncomingTable()
        let (first, second) = (reply(number(1, slot: 0), peer), reply(number(2, slot: 9), peer))
        #expect(table.insert(first) == true)
        #expect(table.insert(second) == true)
        #expect(table[first.stream] === first)
        #expect(table[second.stream] === second)
        #expect(table[number(2, slot: 0)] == nil)
        #expect(table[number(1, slot: 5)] == nil)
        #expect(table[.max] == nil)
        #expect(table.count == 2)
        table.remove(first.stream)
        table.remove(first.stream)
        #expect(table[first.stream] == nil)
        #expect(table.count == 1)
    }

    @Test func `a slot has one request at a time`() throws {
        let peer = try TestPeer()
        var table = IncomingTable()
        let old = reply(number(1, slot: 3), peer)
        let new = reply(number(2, slot: 3), peer)
        #expect(table.insert(old) == true)
        #expect(table.insert(old) == false)
        #expect(table.insert(new) == false)
        #expect(table[old.stream] === old)
        table.remove(new.stream)
        #expect(table[old.stream] === old)
        table.remove(old.stream)
        #expect(table.insert(new) == true)
        table.remove(old.stream)
        #expect(table[new.stream] === new)
        #expect(table.removeAll().map(\.stream) == [new.stream])
        #expect(table.count == 0)
    }
}
