import Foundation
import NIOCore
import Swerve
import SwerveTensor
import SwerveTesting
import TestSupport
import Testing

#if os(Linux)
    import Glibc

    /// Answers with what it gets, and tells what it has mapped.
    @Deployment
    distributed actor Mirror: HTTPIngress {
        func respond(to request: ServeRequest) async throws -> ServeResponse {
            .bytes(try await request.body.collect())
        }

        distributed func mirror(_ tensor: Tensor) -> Tensor { tensor }

        /// The tensor lies in memory that another process shares.
        distributed func isShared(_ tensor: Tensor) -> Bool {
            tensor.bytes.withUnsafeReadableBytes { bytes in
                SharedMappings.all.contains { $0.contains(UInt(bitPattern: bytes.baseAddress)) }
            }
        }

        distributed func ramp(_ count: Int) throws -> Tensor {
            try Tensor(shape: [count], values: (0..<count).map { Float($0) })
        }

        distributed func processID() -> Int32 { getpid() }
        distributed func mappings() -> Int { SharedMappings.all.count }
    }

    /// Calls a mirror from a process of its own.
    @Deployment
    distributed actor Onlooker {
        let mirror: Mirror

        distributed func look(_ count: Int) async throws -> Bool {
            let tensor = try Tensor(shape: [count], values: (0..<count).map { Float($0) })
            return try await mirror.mirror(tensor) == tensor
        }

        distributed func processID() -> Int32 { getpid() }
    }

    enum SharedMappings {
        /// The shared memory that this process has mapped.
        static var all: [Range<UInt>] {
            // Not as a whole: Foundation takes a file without a size for one of a page.
            guard let file = FileHandle(forReadingAtPath: "/proc/self/maps") else { return [] }
            var bytes = Data()
            while let more = try? file.read(upToCount: 1 << 16), !more.isEmpty { bytes += more }
            let text = String(decoding: bytes, as: UTF8.self)
            return text.split(separator: "\n").filter { $0.contains("memfd:swerve") }.compactMap { line in
                let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
                return ends.count == 2 ? ends[0]..<ends[1] : nil
            }
        }

        /// The descriptors of this process's own segments.
        static var descriptors: Int {
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            return entries.count { entry in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(entry)"))?
                    .contains("memfd:swerve") == true
            }
        }
    }

    extension IntegrationTests {
        @Suite struct SharedMemory {
            private func tensor(_ count: Int, _ first: Float = 0) throws -> Tensor {
                try Tensor(shape: [count], values: (0..<count).map { first + Float($0) })
            }

            private func eventuallyNothingIsLeft() async throws {
                try await eventually("nothing is left: \(SharedMappings.all), \(SharedMappings.descriptors)") {
                    SharedMappings.all.isEmpty && SharedMappings.descriptors == 0
                }
            }

            @Test func `a replica reads a tensor of megabytes in place, and a caller its result`() async throws {
                try await withApplication(Mirror.options(placement: .process).bind()) { mirror, _ in
                    let large = try tensor(1 << 20)
                    #expect(try await mirror.mirror(large) == large)
                    try await eventually("the memory is shared") { try await mirror.isShared(large) }
                    #expect(try await mirror.isShared(try tensor(100)) == false)
                    let ramp = try await mirror.ramp(1 << 20)
                    #expect(ramp == large)
                    let address = ramp.bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
                    #expect(SharedMappings.all.contains { $0.contains(address) })
                    for count in [1, 40_000, 3_000_000] {
                        #expect(try await mirror.mirror(try tensor(count)) == tensor(count), "\(count)")
                    }
                }
                try await eventuallyNothingIsLeft()
            }

            @Test func `contents of megabytes come back over HTTP`() async throws {
                let prefix = "/mirror"
                try await withApplication(Mirror.options(placement: .process).bind(), routePrefix: prefix) {
                    mirror,
                    _ in
                    try await Connection.open { client in
                        for size in [10, 200_000, 1 << 20, (1 << 20) + 1, 5 << 20, 700_000, 3] {
                            let body = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
                            for _ in 0..<4 {
                                try await client.send(
                                    "POST \(prefix) HTTP/1.1\r\nhost: a\r\ncontent-length: \(size)\r\n\r\n"
                                )
                                try await client.send(body)
                                let answer = try await client.response()
                                #expect(answer.status == 200 && answer.body == body, "\(size)")
                            }
                        }
                    }
                    #expect(!SharedMappings.all.isEmpty)
                    try await eventually("the replica unmaps it") { try await mirror.mappings() == 0 }
                }
                try await eventuallyNothingIsLeft()
            }

            @Test func `replicas and callers that are killed under load leave no memory`() async throws {
                let mirror = Mirror.options(numReplicas: 2, placement: .process).bind()
                let bound = Onlooker.options(numReplicas: 2, placement: .process).bind(mirror: mirror)
                try await withApplication(bound) { onlooker, name in
                    let inner = try await instance.deploymentHandle("Mirror", application: name, as: Mirror.self)
                    let large = try tensor(1 << 18)
                    let (isOver, answered, wrong) = (Flag(), Counter(), Counter())
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<6 {
                            group.addTask {
                                while !isOver.isSet {
                                    do {
                                        let isEqual =
                                            try await number < 3
                                            ? inner.mirror(large) == large : onlooker.look(1 << 18)
                                        if isEqual { answered.add(1) } else { wrong.add(1) }
                                    } catch {}
                                }
                            }
                        }
                        group.addTask {
                            defer { isOver.set() }
                            for round in 0..<6 {
                                let before = answered.value
                                try await eventually("calls are answered") { answered.value > before + 20 }
                                let victim = try await round % 2 == 0 ? inner.processID() : onlooker.processID()
                                kill(victim, SIGKILL)
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(wrong.value == 0)
                }
                try await eventuallyNothingIsLeft()
            }
        }
    }
#endif
