import NIOCore
import SwerveActors
import SwerveCore
import SwerveSystem
import TestSupport
import Testing

@testable import SwerveTransport

#if os(Linux)
    #if canImport(Glibc)
        import Glibc
    #else
        import Musl
    #endif

    /// Peers whose frames about shared memory are wrong: they are cut off, and nothing is left over.
    @Suite struct ForgedReferenceTests {
        private static let stream = RawPeer.stream(1)
        private static let size = 1 << 17

        /// A peer that has offered a segment of its own, which is the test's.
        private struct Lender {
            let peer: RawPeer
            let connection: PeerConnection
            let recorder: Recorder
            let hosted: HostedReplicas
            let segment: SharedSegment

            init() async throws {
                hosted = HostedReplicas(.detached, memory: .ofTest())
                hosted.addIngress()
                (peer, connection, recorder) = try await RawPeer.connected(hosted)
                segment = try SharedSegment(making: size, name: "test")
                try await peer.define(1, TestIngress.id)
            }

            func offer(_ place: SegmentPlace? = nil, process: Int32 = getpid()) async throws {
                try await peer.send(.memoryOffer) {
                    $0.writeInteger(process, endianness: .little)
                    reference(1, place: place).write(to: &$0)
                }
            }

            func reference(_ loan: UInt64, place: SegmentPlace? = nil, offset: Int = 0, count: Int = 1)
                -> SharedReference
            {
                let place = place ?? segment.place
                return .lent(loan, SegmentRange(segment: 1, place: place, offset: offset, count: count))
            }

            /// Sends a request whose content lies where it says.
            func request(_ reference: SharedReference) async throws {
                var frame = ByteBuffer()
                Frame.append(.requestHTTP, stream: stream, isShared: true, to: &frame) {
                    reference.write(to: &$0)
                    let request = ReplicaRequest(head: .post("/whole"), body: ByteBuffer(), deadline: nil)
                    HTTPFrames.write(request, method: 1, now: .now(), to: &$0)
                }
                try await peer.send(Array(frame.readableBytesView))
            }

            func expectCutOff(_ reason: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
                try await eventually("it is disconnected", sourceLocation) { recorder.closed.count == 1 }
                #expect(recorder.closed[0].contains(reason), "\(recorder.closed)", sourceLocation: sourceLocation)
                #expect(try await peer.isCutOff(), sourceLocation: sourceLocation)
                #expect(connection.load == (0, 0, 0), sourceLocation: sourceLocation)
                #expect(connection.memory?.load.borrowed == 0, sourceLocation: sourceLocation)
                #expect(hosted.memory?.load.inUse == 0, sourceLocation: sourceLocation)
            }
        }

        @Test func `a correct peer's bytes are read in place, and given back`() async throws {
            let lender = try await Lender()
            try await lender.offer()
            #expect(try await lender.peer.expect(.memoryAnswer).body.readableBytesView.first == 1)
            #expect(try await lender.peer.expect(.memoryRelease).body.readableBytes == 8)
            lender.segment.start.storeBytes(of: UInt8(ascii: "x"), toByteOffset: 9, as: UInt8.self)
            try await lender.request(lender.reference(2, offset: 9))
            let answer = try await lender.peer.expect(.responseHTTP)
            #expect(answer.body.readableBytesView.last == UInt8(ascii: "x"))
            #expect(
                try await lender.peer.expect(.memoryRelease).body.getInteger(at: 0, endianness: .little) == 2 as UInt64?
            )
            lender.peer.close()
        }

        @Test func `a segment that cannot be opened is answered with no`() async throws {
            let place = try SharedSegment(making: Self.size, name: "test").place
            let other = SegmentPlace(
                descriptor: place.descriptor,
                device: place.device,
                inode: place.inode &+ 1,
                bytes: place.bytes
            )
            let pipe = SegmentPlace(descriptor: 0, device: place.device, inode: place.inode, bytes: place.bytes)
            for (place, process) in [(place, getpid()), (other, getpid()), (pipe, getpid()), (place, Int32.max)] {
                let lender = try await Lender()
                try await lender.offer(place, process: process)
                #expect(try await lender.peer.expect(.memoryAnswer).body.readableBytesView.first == 0)
                lender.peer.close()
            }
        }

        @Test func `bytes in memory that was not offered`() async throws {
            let lender = try await Lender()
            try await lender.request(lender.reference(1))
            try await lender.expectCutOff("without an offer")
        }

        @Test func `two offers`() async throws {
            let lender = try await Lender()
            try await lender.offer()
            try await lender.offer()
            try await lender.expectCutOff("a second offer")
        }

        @Test func `bytes at another place, of another size, or outside of the segment`() async throws {
            func place(_ change: (SegmentPlace) -> (Int32, UInt64, Int)) async throws {
                let lender = try await Lender()
                try await lender.offer()
                let (descriptor, inode, bytes) = change(lender.segment.place)
                let place = SegmentPlace(
                    descriptor: descriptor,
                    device: lender.segment.place.device,
                    inode: inode,
                    bytes: bytes
                )
                try await lender.request(lender.reference(2, place: place))
                try await lender.expectCutOff("descriptor")
            }
            try await place { ($0.descriptor, $0.inode &+ 1, $0.bytes) }
            try await place { ($0.descriptor, $0.inode, $0.bytes * 2) }
            try await place { (1 << 20, $0.inode, $0.bytes) }
            for (offset, count) in [(Self.size, 1), (0, Self.size + 1), (Self.size - 1, 2), (0, 0)] {
                let lender = try await Lender()
                try await lender.offer()
                try await lender.request(lender.reference(2, offset: offset, count: count))
                try await lender.expectCutOff("cannot be read")
            }
        }

        /// Memory like a segment's, but without a seal.
        private func memfd() -> Int32 {
            let descriptor = open("/dev/shm/swerve-test-\(getpid())", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            unlink("/dev/shm/swerve-test-\(getpid())")
            return descriptor
        }

        @Test func `memory that its maker could shrink is not read`() async throws {
            let descriptor = memfd()
            defer { close(descriptor) }
            try #require(descriptor >= 0 && ftruncate(descriptor, off_t(Self.size)) == 0)
            var status = stat()
            try #require(fstat(descriptor, &status) == 0)
            let place = SegmentPlace(
                descriptor: descriptor,
                device: UInt64(status.st_dev),
                inode: UInt64(status.st_ino),
                bytes: Self.size
            )
            let lender = try await Lender()
            try await lender.offer(place)
            #expect(try await lender.peer.expect(.memoryAnswer).body.readableBytesView.first == 0)
            lender.peer.close()
        }

        @Test func `a release and bytes of a loan that is not out, and an answer without an offer`() async throws {
            let releasing = try await Lender()
            try await releasing.peer.send(.memoryRelease) { $0.writeInteger(5 as UInt64, endianness: .little) }
            try await releasing.expectCutOff("loan 5, which is not out")
            let other = try await Lender()
            try await other.request(.returned(3, offset: 0, count: 1))
            try await other.expectCutOff("loan 3, which is not out")
            let answering = try await Lender()
            try await answering.peer.send(.memoryAnswer) { $0.writeInteger(1 as UInt8) }
            try await answering.expectCutOff("an answer without an offer")
        }

        @Test func `a frame that may not be shared, and one where there is no shared memory`() async throws {
            let lender = try await Lender()
            try await lender.peer.send([
                9, 0, 0, 0, FrameKind.control.rawValue | Frame.sharedFlag, 0, 0, 0, 0, 0, 0, 0, 0,
            ])
            try await lender.expectCutOff("a frame of kind")
            let (peer, _, recorder) = try await RawPeer.connected()
            try await peer.send([9, 0, 0, 0, FrameKind.requestData.rawValue | Frame.sharedFlag, 0, 0, 0, 0, 0, 0, 0, 0])
            try await eventually("it is disconnected") { recorder.closed.count == 1 }
            #expect(recorder.closed[0].contains("shared memory where there is none"))
        }
    }
#endif
