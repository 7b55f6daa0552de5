import Foundation
import NIOCore
import SwerveActors
import SwerveCore
import SwerveTransport

/// The communication between processes.
enum PeerTargets {
    /// Frames alone. The input must give the same frames whole and in pieces.
    static func frames(_ input: UnsafeBufferPointer<UInt8>, _ round: Int) throws(WrongResult) -> String {
        func run(_ random: inout SeededGenerator, whole: Bool) throws(WrongResult) -> ([String], [String], ByteBuffer) {
            let world = PeerWorld(isHosting: false)
            if whole { world.receive(ByteBuffer(bytes: input)) } else { world.receive(input, &random) }
            world.settle()
            let sent = world.wire.take()
            try world.end()
            return (world.delegate.messages, world.delegate.closed, sent)
        }
        var random = SeededGenerator(seed: UInt64(round))
        let whole = try run(&random, whole: true)
        let pieces = try run(&random, whole: false)
        // If the peer was cut off, the frames that were due to it may or may not have been sent.
        guard whole.0 == pieces.0, whole.1 == pieces.1, whole.2 == pieces.2 || whole.1 != ["over"] else {
            throw WrongResult(message: "whole \(whole.0), \(whole.1), in pieces \(pieces.0), \(pieces.1)")
        }
        return outcome(whole.1[0])
    }

    /// A process with a replica that the peer calls.
    static func calls(_ input: UnsafeBufferPointer<UInt8>, _ round: Int) throws(WrongResult) -> String {
        var random = SeededGenerator(seed: UInt64(round))
        let world = PeerWorld(isHosting: true)
        world.receive(input, &random)
        try world.end()
        return outcome(world.delegate.closed[0])
    }

    /// A process that calls, and that the peer answers.
    static func answers(_ input: UnsafeBufferPointer<UInt8>, _ round: Int) throws(WrongResult) -> String {
        var random = SeededGenerator(seed: UInt64(round))
        let world = PeerWorld(isHosting: false)
        let callers = PeerCallers(world)
        world.settle()
        if Int.random(in: 0..<4, using: &random) == 0 { callers.receivers.randomElement(using: &random)?.cancel() }
        world.receive(input, &random)
        try world.end()
        try callers.check()
        return outcome(world.delegate.closed[0])
    }

    private static func outcome(_ closed: String) -> String {
        switch closed {
        case "over": "to the end"
        case _ where closed.contains("malformed"): "cut off: malformed"
        default: "cut off: protocol"
        }
    }

    // MARK: Values

    /// Decodes one of several types, selected by the first byte.
    static func value(_ input: UnsafeBufferPointer<UInt8>) throws(WrongResult) -> String {
        let bytes = ByteBuffer(bytes: UnsafeBufferPointer(rebasing: input.dropFirst()))
        switch (input.first ?? 0) % 8 {
        case 0: return try readBack([String: [FuzzValue.Shape]].self, bytes)
        case 1: return try readBack([Int?].self, bytes)
        case 2: return try readBack(DeploymentSpec.self, bytes)
        case 3: return try readBack([String?: Set<Int>].self, bytes)
        default: return try readBack(FuzzValue.self, bytes)
        }
    }

    static func message(_ input: UnsafeBufferPointer<UInt8>) throws(WrongResult) -> String {
        let bytes = ByteBuffer(bytes: UnsafeBufferPointer(rebasing: input.dropFirst()))
        return (input.first ?? 0) % 4 == 0
            ? try readBack(Hello.self, bytes) : try readBack(ControlMessage.self, bytes)
    }

    /// Decodes a value, encodes it and decodes it again. Only the sizes of the encodings are compared, because sets
    /// have no order and NaN equals nothing.
    private static func readBack<Value: Codable>(_ type: Value.Type, _ bytes: ByteBuffer) throws(WrongResult) -> String
    {
        let value: Value
        do {
            value = try BinaryReader(bytes, system: .detached).nextRegion(type)
        } catch let error as ServeError {
            return "\(error.code)"
        } catch is DecodingError {
            return "refused by its type"
        } catch {
            throw WrongResult(message: "an error of another type: \(error)")
        }
        do {
            let again = BinaryWriter()
            try again.region(value)
            let twice = BinaryWriter()
            try twice.region(BinaryReader(again.buffer, system: .detached).nextRegion(type))
            guard again.buffer.readableBytes == twice.buffer.readableBytes else {
                throw WrongResult(message: "\(value) is decoded again as something else")
            }
        } catch let error as WrongResult {
            throw error
        } catch {
            throw WrongResult(message: "\(value) cannot be decoded again: \(error)")
        }
        return "accepted"
    }

    // MARK: The board

    private static let board: (path: String, board: SharedBoard) = {
        let path = NSTemporaryDirectory() + "/swerve-fuzz-\(getpid()).board"
        unlink(path)
        do { return (path, try SharedBoard(path: path, create: true)) } catch { preconditionFailure("\(error)") }
    }()

    /// A slot's index (8 bytes), the expected generation (2) and the word in the slot (8). Checks which requests the
    /// word reports as begun when the connection ends.
    static func word(_ input: UnsafeBufferPointer<UInt8>) throws(WrongResult) -> String {
        var bytes = ByteBuffer(bytes: input)
        guard let index = bytes.readInteger(endianness: .little, as: Int.self),
            let generation = bytes.readInteger(endianness: .little, as: UInt16.self),
            let word = bytes.readInteger(endianness: .little, as: UInt64.self)
        else { return "too short" }
        guard let slot = BoardSlot(board.board, index: index, generation: generation) else { return "outside" }
        let file = open(board.path, O_WRONLY)
        defer { close(file) }
        var stored = word.littleEndian
        guard pwrite(file, &stored, 8, off_t(index * 8)) == 8 else {
            throw WrongResult(message: "the board cannot be written")
        }
        let world = PeerWorld(isHosting: false)
        world.connection.setPeerBoard(slot)
        let callers = PeerCallers(world)
        world.settle()
        try world.end()
        try callers.check()
        let begun = callers.receivers.compactMap(\.isBegun)
        let last = word & (1 << 48 - 1)
        let wanted = (1...5).map { word >> 48 != generation || UInt64($0) <= last }
        guard begun == wanted else { throw WrongResult(message: "\(word) means \(begun), not \(wanted)") }
        return wanted.contains(false) ? "some not begun" : "all begun"
    }

    static func removeBoard() { unlink(board.path) }
}
