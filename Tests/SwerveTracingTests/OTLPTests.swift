import SwerveCore
import SwerveTracing
import TestSupport
import Testing

/// The numbers of the fields are those of opentelemetry-proto.
@Suite struct OTLPTests {
    private func encoded(_ span: SpanRecord) throws -> ProtobufFields {
        let bytes = OTLP.request([span], of: [.init("service.name", .text("words"))])
        return try ProtobufFields(bytes).message(1).message(2).message(2)
    }

    @Test func `IDs are bytes, times are fixed numbers and absent parts are left out`() throws {
        var record = try span(0xAB)
        record.parent = SpanID(0x0102_0304_0506_0708)
        (record.start, record.end) = (1_700_000_000_000_000_001, 1_700_000_000_000_000_002)
        let fields = try encoded(record)
        #expect(try fields.bytes(1) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
        #expect(try fields.bytes(2) == [0, 0, 0, 0, 0, 0, 0, 0xAC])
        #expect(try fields.bytes(4) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(try fields.text(5) == "171")
        #expect(fields.values(6) == [.varint(1)])
        #expect(fields.values(7) == [.fixed64(1_700_000_000_000_000_001)])
        #expect(fields.values(8) == [.fixed64(1_700_000_000_000_000_002)])
        #expect(fields.values(16) == [.fixed32(0x101)])
        #expect(Set(fields.fields.map(\.number)) == [1, 2, 4, 5, 6, 7, 8, 16])
        record.parent = nil
        #expect(try encoded(record).values(4) == [])
    }

    @Test func `a parent in another process is marked`() throws {
        var record = try span(0)
        record.hasRemoteParent = true
        #expect(try encoded(record).values(16) == [.fixed32(0x301)])
    }

    @Test func `values keep their types, also empty and negative ones`() throws {
        var record = try span(0)
        record.attributes = [
            .init("text", .text("")), .init("negative", .integer(-1)), .init("zero", .integer(0)),
            .init("half", .number(0.5)), .init("no", .flag(false)), .init("list", .list([.flag(true), .text("x")])),
        ]
        let values = try encoded(record).all(9).map { try $0.message(2).fields }
        #expect(values.map { $0.map(\.number) } == [[1], [3], [3], [4], [2], [5]])
        #expect(values[0][0].value == .bytes([]))
        #expect(values[1][0].value == .varint(.max))
        #expect(values[2][0].value == .varint(0))
        #expect(values[3][0].value == .fixed64(0.5.bitPattern))
        #expect(values[4][0].value == .varint(0))
        let list = try encoded(record).all(9)[5].message(2).message(5)
        #expect(try list.all(1).map { $0.fields.map(\.number) } == [[2], [1]])
    }

    @Test func `events, links, counts of what was dropped and the status have their fields`() throws {
        var record = try span(0)
        record.events = [.init(name: "begun", time: 9, attributes: [.init("a", .integer(1))], droppedAttributes: 4)]
        record.links = [.init(record.trace, attributes: [.init("b", .integer(2))])]
        (record.droppedAttributes, record.droppedEvents, record.droppedLinks) = (1, 2, 3)
        record.status = .error("broken")
        let fields = try encoded(record)
        let event = try fields.message(11)
        #expect(event.values(1) == [.fixed64(9)])
        #expect(try event.text(2) == "begun")
        #expect(try event.message(3).text(1) == "a")
        #expect(event.values(4) == [.varint(4)])
        let link = try fields.message(13)
        #expect(try link.bytes(1).count == 16)
        #expect(try link.bytes(2).count == 8)
        #expect(try link.message(4).text(1) == "b")
        #expect(link.values(6) == [.fixed32(1)])
        #expect(fields.values(10) == [.varint(1)])
        #expect(fields.values(12) == [.varint(2)])
        #expect(fields.values(14) == [.varint(3)])
        let status = try fields.message(15)
        #expect(try status.text(2) == "broken")
        #expect(status.values(3) == [.varint(2)])
        record.status = .ok
        #expect(try encoded(record).message(15).values(3) == [.varint(1)])
    }

    @Test func `an answer says how many spans were rejected`() {
        // partial_success { rejected_spans: 300, error_message: "old" }
        let answer: [UInt8] = [0x0A, 0x08, 0x08, 0xAC, 0x02, 0x12, 0x03] + Array("old".utf8)
        #expect(OTLP.rejected(in: answer) == (300, "old"))
        #expect(OTLP.rejected(in: []) == (0, ""))
    }

    @Test func `damaged answers are harmless`() {
        let answer: [UInt8] = [0x0A, 0x08, 0x08, 0xAC, 0x02, 0x12, 0x03] + Array("old".utf8)
        for index in answer.indices {
            for byte in [UInt8(0), 0x0A, 0x7F, 0x80, 0xFF] {
                var damaged = answer
                damaged[index] = byte
                #expect(OTLP.rejected(in: damaged).count >= 0)
                #expect(OTLP.rejected(in: Array(damaged.prefix(index))).count >= 0)
            }
        }
    }
}
