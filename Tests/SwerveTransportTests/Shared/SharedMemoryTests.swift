import NIOCore
import SwerveActors
import SwerveCore
import TestSupport
import Testing

@testable import SwerveTransport

#if os(Linux)

    /// Bytes between two ends of a socket that can read each other's memory.
    @Suite struct SharedMemoryTests {
        private static let size = 1 << 20

        private func ends(_ limits: SharedMemoryLimits = .lasting) async throws -> SocketEnds {
            let ends = try await SocketEnds(small: false, shared: (limits, limits))
            ends.right.hosted.addIngress()
            return ends
        }

        /// Both directions have been tried.
        private func usableEnds(_ limits: SharedMemoryLimits = .lasting) async throws -> SocketEnds {
            let ends = try await ends(limits)
            _ = try await call(ends, "echo(_:)", pattern(Self.size))
            for end in [ends.left, ends.right] { try await eventually("it is usable") { end.link.isUsable } }
            try await eventually("all is given back") { ends.isIdle }
            return ends
        }

        /// Calls the replica at the right end, and returns the encoded result.
        private func call(
            _ ends: SocketEnds,
            _ target: String,
            _ argument: some Codable & Sendable
        ) async throws -> ByteBuffer {
            let arguments = Arguments()
            arguments.append(argument)
            let call = OutgoingCall(target: target, arguments: arguments)
            guard case .result(.encoded(let region)) = await ends.left.remote(TestIngress.id).call(call) else {
                throw ServeError(.unavailable, "no result")
            }
            return region
        }

        private func value(_ region: ByteBuffer) throws -> ByteBuffer {
            try EncodedValue(region: region, system: .detached).decode(as: ByteBuffer.self)
        }

        @Test func `the first large bytes go through the socket, later ones do not`() async throws {
            let ends = try await usableEnds()
            let before = ends.left.memory.load.segments
            let region = try await call(ends, "echo(_:)", pattern(Self.size, seed: 2))
            #expect(try value(region) == pattern(Self.size, seed: 2))
            #expect(ends.left.memory.load.segments > before)
            try await eventually("the replica has let go") { ends.right.link.load.borrowed == 0 }
            // The replica's result is in memory of its own, which the caller reads in place.
            #expect(ends.left.link.load.borrowed == 1)
            #expect(ends.right.memory.locate(region) == nil)
            try await ends.close()
            _ = region
        }

        @Test func `results and contents come back equal, whatever their size`() async throws {
            let ends = try await usableEnds()
            for size in [1, 100_000, SharedMemoryLimits().threshold, Self.size - 1, Self.size + 1, 5 << 20] {
                #expect(try value(try await call(ends, "echo(_:)", pattern(size))) == pattern(size), "\(size)")
                #expect(try value(try await call(ends, "made(_:)", size)) == pattern(size), "\(size)")
                for path in ["/whole", "/echo", "/download/\(size)/300000"] {
                    let client = SeamClient(body: pattern(size), part: 300_000)
                    try await client.begin(ends.left.remote(TestIngress.id), path, whole: path == "/whole")
                    await client.ended()
                    #expect(client.answer == pattern(size), "\(path) \(size): \(client.events)")
                    client.forget()
                }
            }
            try await eventually("all is given back") { ends.isIdle }
            try await ends.close()
        }

        @Test func `an answer with the bytes of the request is those bytes`() async throws {
            let ends = try await usableEnds()
            var body = try #require(ends.left.memory.buffer(capacity: Self.size))
            body.writeImmutableBuffer(pattern(Self.size))
            let client = SeamClient(body: body)
            try await client.begin(ends.left.remote(TestIngress.id), "/whole", whole: true)
            await client.ended()
            guard case .response(_, let answer)? = client.ends.first else {
                Issue.record("no answer: \(client.events)")
                return
            }
            #expect(answer == body)
            #expect(ends.left.memory.locate(answer) == ends.left.memory.locate(body))
            #expect(ends.left.memory.load.inUse == 1 && ends.right.memory.load.inUse == 0)
            client.forget()
            try await ends.close()
        }

        @Test func `a segment is free again when the last reader lets go, and is used again`() async throws {
            let ends = try await usableEnds()
            do {
                let region = try await call(ends, "made(_:)", Self.size)
                #expect(ends.right.memory.load.inUse == 1)
                #expect(try value(region) == pattern(Self.size))
            }
            try await eventually("all is given back") { ends.isIdle }
            let segments = ends.right.memory.load.segments
            for _ in 0..<20 { _ = try await call(ends, "made(_:)", Self.size) }
            try await eventually("all is given back") { ends.isIdle }
            #expect(ends.right.memory.load.segments <= segments + 1)
            try await ends.close()
        }

        @Test func `a reader that writes changes nothing for others, now or later`() async throws {
            let ends = try await usableEnds()
            for round in 0..<3 {
                var region = try await call(ends, "made(_:)", Self.size)
                let start = region.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
                #expect(try value(region) == pattern(Self.size), "round \(round)")
                region.setRepeatingByte(0xEE, count: 300_000, at: region.readerIndex)
                // In place: the reader is the buffer's only user.
                #expect(region.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == start)
                region.writeString("and a little more than fits")
                #expect(region.getString(at: region.writerIndex - 4, length: 4) == "fits")
            }
            try await ends.close()
        }

        @Test func `bytes that the reader changed go back as it changed them`() async throws {
            let ends = try await usableEnds()
            for index in [0, Self.size / 2, Self.size - 1] {
                var body = try await call(ends, "made(_:)", Self.size)
                body.moveReaderIndex(forwardBy: 4)
                #expect(body == pattern(Self.size))
                body.setInteger(~body.readableBytesView[body.readerIndex + index], at: body.readerIndex + index)
                let client = SeamClient(body: body)
                try await client.begin(ends.left.remote(TestIngress.id), "/whole", whole: true)
                await client.ended()
                #expect(client.answer == body)
                client.forget()
            }
            try await ends.close()
        }

        @Test func `the end of the connection takes nothing from who reads, and the segment is not used again`()
            async throws
        {
            let ends = try await usableEnds()
            let region = try await call(ends, "made(_:)", Self.size)
            #expect(ends.right.memory.load.inUse == 1)
            try await ends.close()
            try await eventually("the segment is over") { ends.right.memory.load.inUse == 0 }
            // Were it used again, these bytes would change.
            for seed: UInt64 in 5..<9 {
                var other = try #require(ends.right.memory.makeBuffer(capacity: Self.size))
                other.writeImmutableBuffer(pattern(Self.size, seed: seed))
            }
            #expect(try value(region) == pattern(Self.size))
        }

        @Test func `with a reader that lets nothing go the limit holds, and further bytes go through the socket`()
            async throws
        {
            var limits = SharedMemoryLimits(totalBytes: 4 << 20)
            limits.idleTime = .milliseconds(1)
            let ends = try await usableEnds(limits)
            var held: [ByteBuffer] = []
            for _ in 0..<12 { held.append(try await call(ends, "made(_:)", 600_000)) }
            for region in held { #expect(try value(region) == pattern(600_000)) }
            let load = ends.right.memory.load
            #expect(load.bytes <= 4 << 20 && load.inUse >= 3 && ends.left.link.load.borrowed == load.inUse)
            held = []
            try await eventually("all is given back") { ends.isIdle }
            #expect(try value(try await call(ends, "made(_:)", 600_000)) == pattern(600_000))
            try await ends.close()
        }

        @Test func `memory that is not used goes back to the system, on both sides`() async throws {
            var limits = SharedMemoryLimits()
            limits.idleTime = .milliseconds(1)
            let ends = try await usableEnds(limits)
            for _ in 0..<3 { _ = try await call(ends, "echo(_:)", pattern(Self.size)) }
            for end in [ends.left, ends.right] {
                try await eventually("no segment is left: \(end.memory.load), \(end.link.load)") {
                    end.memory.load == (0, 0, 0) && end.link.load == (0, 0, 0)
                }
            }
            #expect(try value(try await call(ends, "echo(_:)", pattern(Self.size))) == pattern(Self.size))
            try await ends.close()
        }

        @Test(arguments: [true, false])
        func `with an end that shares nothing, bytes go through the socket`(isLeft: Bool) async throws {
            let limits = SharedMemoryLimits.lasting
            let ends = try await SocketEnds(small: false, shared: isLeft ? (nil, limits) : (limits, nil))
            ends.right.hosted.addIngress()
            for _ in 0..<3 {
                #expect(try value(try await call(ends, "echo(_:)", pattern(Self.size))) == pattern(Self.size))
            }
            let end = isLeft ? ends.right : ends.left
            try await eventually("the offer is answered") { end.memory.load.inUse == 0 }
            #expect(!end.link.isUsable)
            #expect(end.memory.buffer(capacity: Self.size) == nil)
            try await ends.close()
        }

        @Test func `many callers at a time get their own bytes`() async throws {
            let ends = try await usableEnds(.of(totalBytes: 8 << 20))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 as Range<UInt64> {
                    group.addTask {
                        for round in 0..<6 as Range<UInt64> {
                            let bytes = pattern(200_000 + Int(number * 150_000), seed: number * 100 + round)
                            let region = try await call(ends, "echo(_:)", bytes)
                            #expect(try value(region) == bytes)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("all is given back") { ends.isIdle }
            try await ends.close()
        }
    }

    extension SocketEnds.End {
        var memory: SharedMemory {
            guard let memory = hosted.memory else { preconditionFailure("the end shares memory") }
            return memory
        }
        var link: MemoryLink {
            guard let link = connection.memory else { preconditionFailure("the end shares memory") }
            return link
        }
    }

    extension SocketEnds {
        /// Whether nothing is lent and no segment in use.
        var isIdle: Bool {
            [left, right].allSatisfy {
                $0.memory.load.inUse == 0 && $0.link.load.lent == 0 && $0.link.load.borrowed == 0
            }
        }
    }

#endif
