import NIOCore
import Swerve
import SwerveSystem

/// Makes the part of the pattern that it is asked for, by every kind of call.
@Deployment(maxOngoingRequests: 64)
distributed actor Source {
    private let generation: Int
    /// The models that requests use now.
    private var used: [String: Int] = [:]

    init(generation: Int) {
        self.generation = generation
    }

    /// A batch, which takes a moment.
    @Batched(
        maxBatchSize: 16,
        waitTimeout: .milliseconds(2),
        maxTotalSize: 4 << 20,
        size: { (order: Order) in order.count }
    )
    func part(batch orders: [Order]) async throws -> [ByteBuffer] {
        try await Task.sleep(for: .microseconds(200 + orders.count * 20))
        return orders.map { Pattern.bytes($0) }
    }

    /// One of twenty takes long.
    distributed func slowPart(_ order: Order, isSlow: Bool) async throws -> ByteBuffer {
        if isSlow { try await Task.sleep(for: .milliseconds(Int.random(in: 0..<20) == 0 ? 300 : 3)) }
        return Pattern.bytes(order)
    }

    distributed func pieces(_ order: Order) -> ResponseStream<ByteBuffer> {
        ResponseStream(maxBuffered: 1 + order.offset % 40) { writer in
            for piece in Pattern.pieces(order) { try await writer.write(piece) }
        }
    }

    /// Reads a stream; all of it, or only so many of its elements.
    distributed func join(_ pieces: ResponseStream<ByteBuffer>, most: Int?) async throws -> ByteBuffer {
        var joined = ByteBuffer()
        var rest = most ?? .max
        for try await piece in pieces {
            joined.writeImmutableBuffer(piece)
            rest -= 1
            if rest <= 0 { break }
        }
        return joined
    }

    // MARK: Models

    /// A model, which knows whether it was given up.
    final class Model {
        let name: String
        private let gone: Gone
        init(_ name: String, _ gone: Gone) {
            (self.name, self.gone) = (name, gone)
        }
        deinit { gone.count += 1 }
    }
    final class Gone { var count = 0 }
    private let gone = Gone()

    @Multiplexed(maxModelsPerReplica: 3)
    func model(load id: String) async throws -> Model {
        try await Task.sleep(for: .milliseconds(5))
        return Model(id, gone)
    }

    /// The name of the request's model, and the part.
    distributed func modelled(_ order: Order) async throws -> ByteBuffer {
        let name = try await modelName()
        weak let model = try await model()
        try await Task.sleep(for: .milliseconds(order.count % 4))
        if model == nil { throw GivenUp(model: name) }
        var answer = ByteBuffer(string: name)
        answer.writeImmutableBuffer(Pattern.bytes(order))
        return answer
    }

    private func modelName() async throws -> String { try await model().name }

    struct GivenUp: Error, Codable { var model: String }

    // MARK: At rest

    /// What is left of earlier calls.
    distributed func leftovers() -> String {
        let loading = modelCache.models.filter { $0.state == .loading }.map(\.id)
        return partBatching.waiting == 0 && loading.isEmpty ? "" : "\(partBatching.waiting) waiting, \(loading) loading"
    }
}

/// Answers with the part of the pattern that the query asks for, which it gets from ``Source`` by the kind of call that
/// the query names.
@Deployment(numReplicas: 2)
distributed actor Caller: HTTPIngress {
    private let source: Source
    private let generation: Int

    init(source: Source, generation: Int) {
        self.source = source
        self.generation = generation
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let order = Order(request)
        // Calls whose answers nobody waits for, in any way.
        if let time = request.queryValue("leave").flatMap({ Int($0) }) { await leave(order, after: time) }
        var response = ServeResponse.bytes(try await answer(order, request.queryValue("kind") ?? ""))
        response.headers["x-generation"] = "\(generation)"
        return response
    }

    private func answer(_ order: Order, _ kind: String) async throws -> ByteBuffer {
        switch kind {
        case "batch": return try await batched(order)
        case "hedge": return try await source.options(hedged: true).slowPart(order, isSlow: true)
        case "model":
            let name = "m\(order.offset % 8)"
            var answer = try await source.options(priority: .high, modelID: name).modelled(order)
            guard answer.readString(length: name.utf8.count) == name else { throw WrongBytes(call: order.offset) }
            return answer
        case "argument":
            return try await source.join(ResponseStream(Pattern.pieces(order), maxBuffered: 8), most: nil)
        case "relay":
            // From one replica's stream to another's argument, through this one.
            return try await source.join(try await source.pieces(order), most: nil)
        default:
            var answer = ByteBuffer()
            for try await piece in try await source.pieces(order) { answer.writeImmutableBuffer(piece) }
            return answer
        }
    }

    /// Many small calls at the same time, which share batches.
    private func batched(_ order: Order) async throws -> ByteBuffer {
        let source = source
        let parts = try await withThrowingTaskGroup(of: (Int, ByteBuffer).self) { group in
            for (index, part) in order.parts(20).enumerated() {
                group.addTask { (index, try await source.part(part)) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return parts.sorted { $0.key < $1.key }.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.value) }
    }

    /// Calls that are cancelled, or end with their deadline, after some microseconds; and streams that are left.
    private func leave(_ order: Order, after time: Int) async {
        let source = source
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await source.part(order) }
            group.addTask { _ = try? await source.options(hedged: true).slowPart(order, isSlow: true) }
            group.addTask { _ = try? await source.options(modelID: "m\(time % 8)").modelled(order) }
            group.addTask { _ = try? await source.options(timeout: .microseconds(time + 1)).part(order) }
            group.addTask {
                _ = try? await source.options(timeout: .microseconds(time + 1)).join(
                    ResponseStream(Pattern.pieces(order)),
                    most: nil
                )
            }
            group.addTask { _ = try? await source.join(ResponseStream(Pattern.pieces(order)), most: 2) }
            group.addTask {
                guard let pieces = try? await source.pieces(order) else { return }
                var rest = 2
                do {
                    for try await _ in pieces {
                        rest -= 1
                        if rest == 0 { return }
                    }
                } catch {}
            }
            try? await Task.sleep(for: .microseconds(time))
            group.cancelAll()
        }
    }

    /// What this process still has of calls to ``Source``.
    distributed func leftovers() async -> String {
        let own = source.debugDescription
        return own.contains(", 0 ongoing, 0 queued)") ? "" : own
    }
}

extension Pattern {
    /// The part in pieces of one byte to 128 KiB.
    static func pieces(_ order: Order) -> [ByteBuffer] {
        var rest = bytes(order)
        var size = 1 + order.offset % 5
        var pieces: [ByteBuffer] = []
        while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
            pieces.append(piece)
            size = size * 7 % (128 << 10) + 1
        }
        return pieces
    }
}

extension Order {
    /// At most so many parts, which follow each other.
    fileprivate func parts(_ most: Int) -> [Order] {
        let size = max(1, (count + most - 1) / most)
        return stride(from: 0, to: count, by: size).map {
            Order(offset: offset + $0, count: min(size, count - $0))
        }
    }
}
