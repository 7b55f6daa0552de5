import NIOCore
import NIOPosix
import SwerveActors
import SwerveCore
import Synchronization
import TestSupport
import Testing

@testable import SwerveTransport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The sockets of these tests.
enum TestSockets {
    struct Failed: Error { let call: String, code: Int32 }

    /// Two connected Unix sockets.
    static func pair() throws -> (Int32, Int32) {
        var sockets: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &sockets) == 0 else {
            throw Failed(call: "socketpair", code: errno)
        }
        return (sockets[0], sockets[1])
    }

    /// Sets the smallest buffers that the system allows: a few kilobytes.
    static func shrink(_ socket: Int32) throws {
        for option in [SO_SNDBUF, SO_RCVBUF] {
            var size: Int32 = 1
            guard setsockopt(socket, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
                throw Failed(call: "setsockopt", code: errno)
            }
        }
    }

    /// A connection over a socket, as the network creates it.
    static func connection(
        over socket: Int32,
        _ recorder: Recorder,
        _ hosted: HostedReplicas
    ) async throws -> PeerConnection {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try await UnixSocketNetwork.channel(socket, on: loop, recorder, hosted).get()
    }
}

extension SharedMemoryLimits {
    /// Segments stay, however long a test takes.
    static let lasting = of(totalBytes: 256 << 20)

    static func of(totalBytes: Int) -> SharedMemoryLimits {
        var limits = SharedMemoryLimits(totalBytes: totalBytes)
        limits.idleTime = .seconds(3600)
        return limits
    }
}

extension SharedMemory {
    /// `nil` where the system has none.
    static func ofTest(_ limits: SharedMemoryLimits = .lasting) -> SharedMemory? {
        SharedMemory(limits, name: "test", processID: getpid(), clock: MultiThreadedEventLoopGroup.singleton.next())
    }
}

/// Both ends of a connection in this process, each with replicas that the other may call.
struct SocketEnds {
    struct End {
        let connection: PeerConnection
        let hosted: HostedReplicas
        let recorder: Recorder

        /// A replica of the other end, for calls from this end.
        func remote(_ id: ReplicaID) -> RemoteReplica { RemoteReplica(id, [connection]) }
    }
    let left: End
    let right: End

    /// - Parameter shared: the memory that the ends share; `nil` for an end that shares none.
    init(small: Bool, shared: (left: SharedMemoryLimits?, right: SharedMemoryLimits?) = (nil, nil)) async throws {
        let (first, second) = try TestSockets.pair()
        if small {
            try TestSockets.shrink(first)
            try TestSockets.shrink(second)
        }
        left = try await Self.end(first, shared.left)
        right = try await Self.end(second, shared.right)
    }

    private static func end(_ socket: Int32, _ shared: SharedMemoryLimits?) async throws -> End {
        let (recorder, hosted) = (Recorder(), HostedReplicas(.detached, memory: shared.flatMap { .ofTest($0) }))
        return End(
            connection: try await TestSockets.connection(over: socket, recorder, hosted),
            hosted: hosted,
            recorder: recorder
        )
    }

    /// Closes both ends when no request is ongoing any more.
    func close() async throws {
        for end in [left, right] {
            try await eventually("nothing is ongoing: \(end.connection.load), \(end.recorder.closed)") {
                end.connection.load == (0, 0, 0)
            }
        }
        left.connection.close(because: "the test is over")
        try await eventually("both ends are closed") {
            left.recorder.closed.count == 1 && right.recorder.closed.count == 1
        }
    }
}
