import NIOCore
import SwerveActors
import SwerveCore
import SwerveTransport

/// Conversations to mutate: recorded exchanges between a caller and a replica, and frames written by hand for paths
/// that recordings do not reach.
enum PeerSeeds {
    static let targets: [Target] = [.frames, .calls, .answers, .values, .messages, .words]

    static let (calls, answers): ([[UInt8]], [[UInt8]]) = {
        let (asked, answered) = record()
        let greeting = hello + control
        return (
            [
                greeting + asked, asked, hello + asked + cancels, definitions + longCalls, definitions + fetches,
                symbols,
            ],
            [greeting + answered, answered, hello + answered]
        )
    }()

    private static func record() -> (requests: [UInt8], answers: [UInt8]) {
        let (near, far) = (PeerWorld(isHosting: false), PeerWorld(isHosting: true))
        let callers = PeerCallers(near)
        var (requests, answers) = (ByteBuffer(), ByteBuffer())
        var isIdle = false
        while !isIdle {
            near.settle()
            let there = near.wire.take()
            requests.writeImmutableBuffer(there)
            far.receive(there)
            far.settle()
            let back = far.wire.take()
            answers.writeImmutableBuffer(back)
            near.receive(back)
            isIdle = there.readableBytes == 0 && back.readableBytes == 0
        }
        near.connection.ended("recorded")
        far.connection.ended("recorded")
        near.settle()
        far.settle()
        precondition((try? callers.check()) != nil, "every request of the recording must be answered")
        return (Array(requests.readableBytesView), Array(answers.readableBytesView))
    }

    // MARK: Values and words

    /// Encoded values. The first byte selects the type to decode.
    static let values =
        (4..<8).map { [$0] + encoded(FuzzValue()) } + [
            [0] + encoded(["a": FuzzValue().shapes, "": []]), [1] + encoded([1, nil, 3]), [2] + encoded(spec),
            [3] + encoded(["x": [1, 2], nil: []] as [String?: Set]),
        ]
    static let messageFiles = messages.map { [1] + encoded($0) } + hellos.map { [0] + encoded($0) }
    static let words = (0..<8).map { (number: UInt8) -> [UInt8] in
        [number, 0, 0, 0, 0, 0, 0, 0, 3, 0, number, 0, 0, 0, 0, 0, 3, 0]
    }

    // MARK: Frames by hand

    static func frame(_ kind: FrameKind, _ stream: UInt64 = 0, _ body: (inout ByteBuffer) -> Void = { _ in }) -> [UInt8]
    {
        var frame = Frame.open()
        body(&frame)
        Frame.close(&frame, kind: kind, stream: stream)
        return Array(frame.readableBytesView)
    }

    static func encoded(_ value: some Encodable) -> [UInt8] {
        let writer = BinaryWriter()
        do { try writer.region(value) } catch { preconditionFailure("a seed cannot be encoded: \(error)") }
        return Array(writer.buffer.readableBytesView)
    }

    static let spec = DeploymentSpec(
        id: PeerWorld.replica.deployment,
        typeName: "4Fuzz0A5ActorC",
        arguments: [0, 0, 0, 0],
        options: DeploymentOptions(resources: Resources(gpus: 0.5, custom: ["x": 2]), rollout: .rolling(maxSurge: 1)),
        answersHTTP: true,
        userConfig: [1]
    )

    static let messages: [ControlMessage] = {
        let id = PeerWorld.replica.deployment
        let published = PublishedReplica(id: PeerWorld.replica, address: "/tmp/x", maxOngoingRequests: 3)
        return [
            .start(spec), .ready, .initializationFailed(message: "no"), .publish(id, [published], PoolOptions()),
            .withdraw(id, ServeError(.deleted, "gone", deployment: id)), .drain(PeerWorld.replica),
            .drained(PeerWorld.replica), .probe, .probeAnswered, .load([id: Load(queued: 1, ongoing: 2)]), .stop,
            .fence(3), .fenced(3), .checkPassed, .checkFailed(message: "no"), .reconfigure(spec, number: 1),
            .reconfigured(number: 1), .reconfigurationFailed(number: 1, message: "no"),
            .routes([]), .announceDrain, .takeConnections(true), .takesConnections(true),
            .drainConnections(within: .zero),
            .connectionsDrained,
        ]
    }()

    static let hellos = [
        Hello(replica: PeerWorld.replica, processID: 7), Hello(replica: nil, processID: .max),
    ]

    private static let hello = frame(.hello) { $0.writeBytes(encoded(hellos[0])) }
    private static let control = messages.flatMap { message in frame(.control) { $0.writeBytes(encoded(message)) } }

    private static func stream(_ number: UInt64) -> UInt64 { number << 20 | number - 1 }

    private static let cancels = (1...10).flatMap { frame(.requestCancel, stream($0)) }

    private static let definitions =
        frame(.define, 1) { $0.writeString("fuzz/FuzzActor\01\0value(_:_:)") }
        + frame(.define, 2) { $0.writeString("fuzz/FuzzActor\01\0large(_:)") }
        + frame(.define, 3) { $0.writeString("fuzz/FuzzActor\01\0") }
        + frame(.define, 4) { $0.writeString("fuzz/FuzzActor\01\0hang()") }

    /// A call's frame after the method's number: no request id, no deadline, no kept arguments, no generic arguments.
    private static func call(_ arguments: [UInt8], mayKeep: Bool = false) -> [UInt8] {
        [0] + withUnsafeBytes(of: Int64.max.littleEndian) { Array($0) } + [mayKeep ? 1 : 0, 0, 0] + arguments
    }

    /// Calls of methods by their symbols, as handles name them.
    private static let symbols: [UInt8] = ["8unlistedyS2S", "5valueyAA0C5ValueVAF_SSt", "4failyy"].enumerated().flatMap
    {
        (index, name) -> [UInt8] in
        let number = UInt64(index + 1)
        return frame(.define, number) { $0.writeString("fuzz/FuzzActor\01\0$s13fuzz_decoders9FuzzActorC\(name)YaKFTE") }
            + frame(.requestCall, stream(number)) {
                $0.writeInteger(UInt32(number), endianness: .little)
                $0.writeBytes(call(encoded("text")))
            }
    }

    /// Calls in parts, with credit for their answers, and some that hang.
    private static let longCalls: [UInt8] =
        (1...3).flatMap { (number: UInt64) -> [UInt8] in
            let whole = call(encoded(FuzzValue()) + encoded("text"))
            return frame(.requestLongCall, stream(number)) {
                $0.writeInteger(UInt64(whole.count), endianness: .little)
                $0.writeInteger(1 as UInt32, endianness: .little)
                $0.writeBytes(whole.prefix(20))
            }
                + frame(.requestCall, stream(number + 4)) {
                    $0.writeInteger(4 as UInt32, endianness: .little)
                    $0.writeBytes(call([]))
                }
                + frame(.requestData, stream(number)) { $0.writeBytes(whole.dropFirst(20).prefix(50)) }
                + frame(.requestEnd, stream(number)) { $0.writeBytes(whole.dropFirst(70)) }
                + frame(.requestCancel, stream(number + 4))
        } + large

    /// A result in parts, and credit for it.
    private static let large: [UInt8] =
        frame(.requestCall, stream(9)) {
            $0.writeInteger(2 as UInt32, endianness: .little)
            $0.writeBytes(call(encoded(1_500_000)))
        }
        + (0..<8).flatMap { _ in
            frame(.responseCredit, stream(9)) { $0.writeInteger(262_144 as UInt32, endianness: .little) }
        }

    /// Results that are kept, fetched and released.
    private static let fetches: [UInt8] = (1...3).flatMap { (number: UInt64) -> [UInt8] in
        frame(.requestCall, stream(number)) {
            $0.writeInteger(2 as UInt32, endianness: .little)
            $0.writeBytes(call(encoded(70_000), mayKeep: true))
        }
            + frame(.requestFetch, stream(number + 4)) { $0.writeInteger(number, endianness: .little) }
            + frame(.requestRelease) { $0.writeInteger(number, endianness: .little) }
            + frame(.requestFetch, stream(number + 8)) { $0.writeInteger(number, endianness: .little) }
    }
}

extension Mutator {
    /// A copy of a conversation with one to six changed frames. Most copies have correct frame lengths, without which
    /// no change would get past the first frame.
    mutating func mutatedFrames(_ bytes: [UInt8], with other: [UInt8]) -> [UInt8] {
        if Int.random(in: 0..<6, using: &random) == 0 { return mutated(bytes, with: other) }
        var frames = Self.frames(bytes)
        let others = Self.frames(other)
        for _ in 0..<Int.random(in: 1...6, using: &random) where !frames.isEmpty {
            let at = Int.random(in: 0..<frames.count, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0: frames.remove(at: at)
            case 1: frames.insert(frames[at], at: Int.random(in: 0...frames.count, using: &random))
            case 2: frames.swapAt(at, Int.random(in: 0..<frames.count, using: &random))
            case 3: frames[at][4] = UInt8.random(in: 0...25, using: &random)
            case 4...5:
                // Takes the stream of another frame.
                let from = frames[Int.random(in: 0..<frames.count, using: &random)]
                frames[at].replaceSubrange(5..<13, with: from[5..<13])
            case 6 where !others.isEmpty:
                let from = others[Int.random(in: 0..<others.count, using: &random)]
                frames.insert(from, at: Int.random(in: 0...frames.count, using: &random))
            default:
                let body = mutated(Array(frames[at][13...]), with: [])
                frames[at].replaceSubrange(13..., with: body)
            }
        }
        return frames.flatMap { frame in
            let length = UInt32(frame.count - 4)
            return withUnsafeBytes(of: length.littleEndian) { Array($0) } + frame[4...]
        }
    }

    /// The complete frames of a conversation.
    private static func frames(_ bytes: [UInt8]) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var at = 0
        while at + 13 <= bytes.count {
            let length = bytes[at..<(at + 4)].reversed().reduce(0) { $0 << 8 | Int($1) }
            guard length >= 9, at + 4 + length <= bytes.count else { break }
            frames.append(Array(bytes[at..<(at + 4 + length)]))
            at += 4 + length
        }
        return frames
    }
}
