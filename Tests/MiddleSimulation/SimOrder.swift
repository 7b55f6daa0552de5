import NIOCore
import SwerveCore

/// What a simulated request asks its replica to do, sent in the path or in the call's arguments.
struct SimOrder: Codable, Sendable, Equatable {
    enum Work: Int, Codable, Sendable, CaseIterable {
        /// Answers at once with the body of the request.
        case echo
        /// Waits, then answers with the body of the request.
        case lateEcho
        /// Answers without reading the request.
        case ignore
        /// Streams an answer in pieces.
        case stream
        /// Answers in one piece of any size.
        case big
        case fail
        /// Waits until it is cancelled or the faults are over.
        case hang
        /// Reads a stream, which is an argument of the call. Over HTTP it is an echo.
        case argument
        /// Is an item of a batch.
        case batch
        /// Uses a model, if the deployment has any.
        case model
        /// Uses a model and then another one.
        case twoModels
        /// Has another deployment do some work, and passes its result on.
        case relay
        /// Passes a stream on, which another deployment makes or reads.
        case relayStream
        case relayArgument
        /// The first attempt is like ``hang``; another one answers at once. Only for hedged calls.
        case slowFirst
    }
    var number: Int
    var work: Work
    /// The size of an answer that does not repeat the request.
    var size: Int

    var path: String { "/\(number)/\(work.rawValue)/\(size)" }

    init(number: Int, work: Work, size: Int) {
        self.number = number
        self.work = work
        self.size = size
    }
    init?(path: String) {
        let parts = path.split(separator: "/").suffix(3).compactMap { Int($0) }
        guard parts.count == 3, let work = Work(rawValue: parts[1]) else { return nil }
        self.init(number: parts[0], work: work, size: parts[2])
    }

    /// What the answer must be.
    ///
    /// - Parameter payload: the body of the request.
    func answer(to payload: ByteBuffer) -> ByteBuffer {
        switch work {
        case .stream, .big, .batch, .model, .twoModels, .relay, .relayStream: bytes
        case .echo, .lateEcho, .ignore, .fail, .hang, .argument, .relayArgument, .slowFirst: payload
        }
    }

    /// The bytes of its stream or its answer.
    var bytes: ByteBuffer { Self.bytes(of: caller, size: size) }

    // MARK: Calls that lead to others

    private static let innerNumbers = 1_000_000
    /// The number of the call that it belongs to.
    var caller: Int { number % Self.innerNumbers }
    var isInner: Bool { number >= Self.innerNumbers }
    /// What another deployment is asked for.
    var inner: SimOrder {
        let work: Work =
            switch self.work {
            case .relayStream: .stream
            case .relayArgument: .argument
            default: [.big, .batch, .model][number % 3]
            }
        return SimOrder(number: number + Self.innerNumbers, work: work, size: size)
    }

    // MARK: What follows from the number

    /// The model that the request names, and the one that it uses if it uses any.
    var model: String { "m\(caller % 5)" }
    var otherModel: String { "m\((caller + 1) % 5)" }
    var usesModel: Bool { work == .model || work == .twoModels }
    var modelID: String? { usesModel || (work == .batch && caller % 3 == 0) ? model : nil }
    /// What items of a batch must share.
    var key: Int { caller / 2 % 2 }
    /// The size of the item in a batch.
    var weight: Int { 1 + caller % 3 }
    /// Whether the item fails alone, or with its whole batch.
    var failsAlone: Bool { work == .batch && caller % 7 == 0 }
    var spoilsBatch: Bool { work == .batch && caller % 11 == 0 }
    /// Whether the stream that is an argument fails in its middle, or the replica reads it to its middle only.
    var failsInMiddle: Bool { isArgument && caller % 5 == 0 }
    var stopsInMiddle: Bool { isArgument && caller % 4 == 1 }
    private var isArgument: Bool { work == .argument || work == .relayArgument }
    /// The limit of the request's streams.
    var maxBuffered: Int { 1 + caller % 20 }

    /// Bytes that differ from those of other requests.
    static func bytes(of number: Int, size: Int) -> ByteBuffer {
        let start = number &* 7919 % (noise.readableBytes / 2)
        return noise.getSlice(at: start, length: size) ?? ByteBuffer()
    }

    private static let noise: ByteBuffer = {
        var random = SplitMix64(seed: 1)
        let words = 3 << 17
        var bytes = ByteBufferAllocator().buffer(capacity: words * 8)
        for _ in 0..<words { bytes.writeInteger(random.next()) }
        return bytes
    }()
}

struct SimFailure: Error, Codable {
    var number: Int

    static let noWorld = SimFailure(number: -1)
    static let initializer = SimFailure(number: -2)
    static let load = SimFailure(number: -3)
    static let batch = SimFailure(number: -4)
}
