import Foundation
import NIOCore
import SwerveActors
import SwerveCore
import TestSupport
import Testing

@testable import SwerveTransport

@Suite struct SharedQueuesTests {
    private static func id(_ name: String) -> DeploymentID { DeploymentID(application: "queues", deployment: name) }

    /// The path of the memory, in a folder of its own.
    private func withPath(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "queues-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "queues").path)
    }

    @Test func `each process sees how many requests wait in the others`() throws {
        try withPath { path in
            let all = [
                try SharedQueues(path: path, create: true), try SharedQueues(path: path, create: false),
                try SharedQueues(path: path, create: false),
            ]
            let queues = try all.map { try #require($0.queue(of: Self.id("A"))) }
            let other = try #require(all[0].queue(of: Self.id("B")))
            queues[0].announce(3)
            queues[1].announce(4)
            other.announce(100)
            #expect(queues.map(\.elsewhere) == [4, 3, 7])
            #expect(other.elsewhere == 0)
            queues[1].announce(0)
            #expect(queues.map(\.elsewhere) == [0, 3, 3])
        }
    }

    @Test func `what a process that ended left is forgotten`() throws {
        try withPath { path in
            let living = try SharedQueues(path: path, create: true)
            let queue = try #require(living.queue(of: Self.id("A")))
            do {
                let ended = try SharedQueues(path: path, create: false)
                try #require(ended.queue(of: Self.id("A"))).announce(5)
                #expect(queue.elsewhere == 5)
                withExtendedLifetime(ended) {}
            }
            queue.forgetEnded(now: .zero)
            #expect(queue.elsewhere == 0)
            // The next process gets the column, without what was in it.
            let next = try SharedQueues(path: path, create: false)
            try #require(next.queue(of: Self.id("A"))).announce(1)
            #expect(queue.elsewhere == 1)
        }
    }

    @Test func `the limit holds for the pools of two processes together`() throws {
        try withPath { path in
            let loop = ManualLoop()
            let tables = try (0..<2).map { number in
                let table = PoolTable(InstanceID(rawValue: 7), clock: loop, seed: UInt64(number))
                table.share(try SharedQueues(path: path, create: number == 0))
                return table
            }
            let pools = tables.map { $0.pool(Self.id("A")) }
            for pool in pools { pool.update([], options: PoolOptions(maxQueuedRequests: 10)) }
            let waiter = Quiet()
            var tickets: [(pool: Int, ticket: UInt64)] = []
            for number in 0..<30 {
                if case .waiting(let ticket) = pools[number % 2].acquire(waiter) {
                    tickets.append((number % 2, ticket))
                }
            }
            #expect(tickets.count == 10)
            guard case .refused(let error) = pools[0].acquire(waiter) else {
                Issue.record("the queue is not full")
                return
            }
            #expect(error.message.contains("10 requests are already waiting, 5 of them in other processes"))
            for (pool, ticket) in tickets where pool == 1 { pools[1].cancel(ticket) }
            var admitted = 0
            for _ in 0..<30 { if case .waiting = pools[0].acquire(waiter) { admitted += 1 } }
            #expect(admitted == 5)
        }
    }
}

/// Waits without end.
private final class Quiet: LeaseWaiter {
    func leaseGranted(_ lease: LeaseBox) {}
    func leaseRefused(_ error: ServeError) {}
}
