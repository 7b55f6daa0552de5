import NIOCore
import Swerve

// Every deployment takes a generation, which its answers report. Running an application with the next generation
// replaces its replicas.

extension ServeResponse {
    fileprivate func made(by generation: Int) -> ServeResponse {
        var response = self
        response.headers["x-generation"] = "\(generation)"
        return response
    }
}

/// Answers with the request's own bytes.
@Deployment
distributed actor Echo: HTTPIngress {
    private let generation: Int

    init(generation: Int) {
        self.generation = generation
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .bytes(try await request.body.collect()).made(by: generation)
    }
}

// MARK: A composition

@Deployment
distributed actor Backend {
    private let generation: Int

    init(generation: Int) {
        self.generation = generation
    }

    distributed func mirror(_ bytes: ByteBuffer) -> ByteBuffer { bytes }

    distributed func make(_ order: Order) -> ByteBuffer { Pattern.bytes(order) }
}

/// Answers with the request's bytes, sent through the backend, followed by the bytes of the pattern that the query asks
/// for, made by the backend. `calls=N` makes N small calls at the same time.
@Deployment
distributed actor Front: HTTPIngress {
    private let backend: Backend
    private let generation: Int

    init(backend: Backend, generation: Int) {
        self.backend = backend
        self.generation = generation
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let body = try await request.body.collect()
        let calls = request.queryValue("calls").flatMap { Int($0) } ?? 0
        let backend = backend
        try await withThrowingTaskGroup(of: Void.self) { group in
            for call in 0..<calls {
                group.addTask {
                    let sent = Pattern.bytes(Order(offset: call * 4099, count: call * 7 % 200))
                    let received = try await backend.mirror(sent)
                    if received != sent { throw WrongBytes(call: call) }
                }
            }
            try await group.waitForAll()
        }
        var answer = try await backend.mirror(body)
        answer.writeImmutableBuffer(try await backend.make(Order(request)))
        return .bytes(answer).made(by: generation)
    }
}

struct WrongBytes: Error {
    let call: Int
}

// MARK: Streams

/// Streams the part of the pattern that the query asks for. A POST gets its own bytes back as they arrive.
@Deployment
distributed actor Streamer: HTTPIngress {
    private let generation: Int

    init(generation: Int) {
        self.generation = generation
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let body = request.method == .post ? Self.echo(request.body) : Self.pattern(Order(request))
        return ServeResponse(body: body).made(by: generation)
    }

    private static func echo(_ body: HTTPBody) -> ServeResponse.Body {
        .stream { writer in
            for try await bytes in body { try await writer.write(bytes) }
        }
    }

    private static func pattern(_ order: Order) -> ServeResponse.Body {
        .stream { writer in
            var rest = Pattern.bytes(order)
            // Chunks from one byte to 128 KiB.
            var size = 1 + order.offset % 5
            while let chunk = rest.readSlice(length: min(size, rest.readableBytes)), chunk.readableBytes > 0 {
                try await writer.write(chunk)
                size = size * 7 % (128 << 10) + 1
            }
        }
    }
}

// MARK: A graph

@Deployment
distributed actor Maker {
    private let generation: Int

    init(generation: Int) {
        self.generation = generation
    }

    distributed func make(_ order: Order) -> ByteBuffer { Pattern.bytes(order) }
}

@Deployment
distributed actor Checker {
    private let generation: Int

    init(generation: Int) {
        self.generation = generation
    }

    distributed func pass(_ bytes: ByteBuffer) -> ByteBuffer { bytes }

    distributed func sum(_ bytes: ByteBuffer) -> UInt32 { checksum(bytes) }
}
