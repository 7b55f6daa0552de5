import Foundation
import NIOCore
import SwerveActors
import SwerveCore
import SwerveReplica
import Testing

@testable import SwerveTransport

/// A board file for the duration of a test, mapped as by the process that writes it. Readers map it again.
final class TestBoard {
    let path: String
    let board: SharedBoard

    init() throws {
        path = "/tmp/swerve-board-\(UUID().uuidString)"
        board = try SharedBoard(path: path, create: true)
    }
    deinit { unlink(path) }

    /// The slot as another process maps it.
    func mapped(_ slot: BoardSlot) throws -> BoardSlot {
        try #require(Hello.Board(path: path, slot: slot).open())
    }
}

@Suite struct BoardTests {
    private func stream(_ sequence: UInt64, slot: UInt64 = 5) -> UInt64 {
        sequence << StreamTable<Int>.slotBits | slot
    }

    @Test func `one process reads what another notes`() throws {
        let test = try TestBoard()
        let slot = try #require(test.board.claim())
        let other = try test.mapped(slot)
        #expect(other.lastStarted == 0)
        slot.noteStarted(stream(7))
        #expect(other.lastStarted == 7)
        #expect(BoardSlot.isStarted(stream(7), other.lastStarted))
        #expect(BoardSlot.isStarted(stream(6), other.lastStarted))
        #expect(!BoardSlot.isStarted(stream(8), other.lastStarted))
    }

    @Test func `each connection has its own word`() throws {
        let test = try TestBoard()
        let first = try #require(test.board.claim())
        let second = try #require(test.board.claim())
        #expect(first.index != second.index)
        first.noteStarted(stream(3))
        #expect(try test.mapped(first).lastStarted == 3)
        #expect(try test.mapped(second).lastStarted == 0)
    }

    @Test func `a late reader of a word that now belongs to another connection assumes that everything started`()
        throws
    {
        let test = try TestBoard()
        let old = try #require(test.board.claim())
        let late = try test.mapped(old)
        old.noteStarted(stream(3))
        test.board.giveBack(old)
        // The word stays until another connection gets it.
        #expect(late.lastStarted == 3)
        let new = try #require(test.board.claim())
        #expect(new.index == old.index)
        #expect(new.generation != old.generation)
        #expect(late.lastStarted == nil)
        new.noteStarted(stream(1))
        #expect(late.lastStarted == nil)
        #expect(try test.mapped(new).lastStarted == 1)
        #expect(BoardSlot.isStarted(stream(1_000), late.lastStarted))
    }

    @Test func `a new connection's word is clear of the previous one`() throws {
        let test = try TestBoard()
        let old = try #require(test.board.claim())
        old.noteStarted(stream(1_000))
        test.board.giveBack(old)
        let new = try #require(test.board.claim())
        #expect(try test.mapped(new).lastStarted == 0)
    }

    @Test func `generations wrap around without being confused with their neighbours`() throws {
        let test = try TestBoard()
        var slot = try #require(test.board.claim())
        for _ in 0..<(Int(UInt16.max) + 2) {
            let late = slot
            slot.noteStarted(stream(9))
            test.board.giveBack(slot)
            slot = try #require(test.board.claim())
            guard late.lastStarted == nil, slot.lastStarted == 0 else {
                Issue.record("generation \(slot.generation) is mistaken for \(late.generation)")
                return
            }
        }
    }

    @Test func `the largest stream number fits beside its generation`() throws {
        let test = try TestBoard()
        let slot = try #require(test.board.claim())
        slot.noteStarted(.max)
        #expect(slot.lastStarted == StreamTable<Int>.sequence(of: .max))
        #expect(BoardSlot.isStarted(.max, slot.lastStarted))
    }

    @Test func `a full board has room again when a connection ends`() throws {
        let test = try TestBoard()
        let slots = (0..<SharedBoard.slots).compactMap { _ in test.board.claim() }
        #expect(Set(slots.map(\.index)).count == SharedBoard.slots)
        #expect(test.board.claim() == nil)
        test.board.giveBack(slots[17])
        #expect(test.board.claim()?.index == 17)
        #expect(test.board.claim() == nil)
    }

    @Test func `a word outside the board is not read`() throws {
        let test = try TestBoard()
        for index in [-1, SharedBoard.slots, .max] {
            #expect(BoardSlot(test.board, index: index, generation: 1) == nil)
        }
    }

    @Test func `a board that is missing, is too short or already exists is an error`() throws {
        let test = try TestBoard()
        let slot = try #require(test.board.claim())
        #expect(throws: ServeError.self) { try SharedBoard(path: test.path, create: true) }
        #expect(Hello.Board(path: "/tmp/swerve-no-such-board", slot: slot).open() == nil)
        let short = "/tmp/swerve-board-\(UUID().uuidString)"
        #expect(FileManager.default.createFile(atPath: short, contents: Data(repeating: 0, count: 100)))
        defer { unlink(short) }
        #expect(throws: ServeError.self) { try SharedBoard(path: short, create: false) }
    }

    // MARK: Notes of connections

    private let replica = ReplicaID(deployment: DeploymentID(application: "board", deployment: "Echo"), number: 1)

    /// A connection of a process that hosts a replica and notes on a board which requests it begins.
    private func peer(_ test: TestBoard) throws -> (peer: TestPeer, slot: BoardSlot) {
        let hosted = HostedReplicas(.detached)
        hosted.add(HostedReplica(id: replica, actor: Echo(), limit: 100))
        let peer = try TestPeer(hosted)
        let slot = try #require(test.board.claim())
        peer.connection.setOwnBoard(slot)
        peer.receive(frame(.define, stream: 1) { $0.writeString("board/Echo\01\0echo") })
        return (peer, slot)
    }

    /// The frame of a call that has nothing after the method's number. The call fails, but it begins.
    private func call(_ sequence: UInt64) throws -> [UInt8] {
        let (body, _) = try CallFrame.make(OutgoingCall(target: "echo", arguments: Arguments()), method: 1)
        return frame(.requestCall, stream: stream(sequence, slot: sequence)) {
            $0.writeImmutableBuffer(
                body.getSlice(at: Frame.headerBytes, length: body.readableBytes - Frame.headerBytes)!
            )
        }
    }

    private func longCall(_ sequence: UInt64) throws -> (begin: [UInt8], end: [UInt8]) {
        let whole = Array(try call(sequence).dropFirst(Frame.headerBytes + 4))
        let begin = frame(.requestLongCall, stream: stream(sequence, slot: sequence)) {
            $0.writeInteger(UInt64(whole.count), endianness: .little)
            $0.writeInteger(1 as UInt32, endianness: .little)
            $0.writeBytes(whole.prefix(3))
        }
        return (
            begin, frame(.requestEnd, stream: stream(sequence, slot: sequence)) { $0.writeBytes(whole.dropFirst(3)) }
        )
    }

    @Test func `the last request of a read is noted before it begins`() throws {
        let test = try TestBoard()
        let (peer, slot) = try peer(test)
        peer.receive(try call(1) + call(2))
        #expect(slot.lastStarted == 2)
        peer.receive(try call(3))
        #expect(slot.lastStarted == 3)
    }

    @Test func `a long call counts as begun only when it is complete`() throws {
        let test = try TestBoard()
        let (peer, slot) = try peer(test)
        let long = try longCall(1)
        peer.receive(long.begin)
        #expect(slot.lastStarted == 0)
        peer.receive(long.end)
        #expect(slot.lastStarted == 1)
    }

    @Test func `a long call that becomes whole late does not hide requests that began before it`() throws {
        let test = try TestBoard()
        let (peer, slot) = try peer(test)
        let long = try longCall(1)
        peer.receive(long.begin)
        peer.receive(try call(2))
        #expect(slot.lastStarted == 2)
        peer.receive(long.end)
        #expect(slot.lastStarted == 2)
        let other = try longCall(3)
        peer.receive(other.begin)
        peer.receive(try call(4) + other.end)
        #expect(slot.lastStarted == 4)
    }
}
