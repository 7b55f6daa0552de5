import NIOCore
import Swerve
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Refused: Error, Codable, Equatable {
    var reason: String
    var code: Int
}

struct Opaque: Error, CustomStringConvertible {
    var description: String { "the secret is 42" }
}

struct Point: Codable, Equatable {
    var x: Int
    var y: Int
}

/// Has methods for every form of call.
@Deployment
distributed actor Calculator {
    private let offset: Int
    private var count = 0

    init(offset: Int = 5) {
        self.offset = offset
    }

    distributed func add(_ a: Int, to b: Int) -> Int { a + b + offset }
    distributed func increment() { count += 1 }
    distributed func counted() -> Int { count }
    distributed func refuse(_ reason: String) throws { throw Refused(reason: reason, code: offset) }
    distributed func failOpaquely() throws -> Int { throw Opaque() }
    distributed func over(_ value: Int) -> String { "int \(value)" }
    distributed func over(_ value: String) -> String { "string \(value)" }
    distributed func same<Value: Codable & Sendable>(_ value: Value) -> Value { value }
    distributed func swap(_ point: Point?, _ names: [String: [Double]]) -> (Point?) {
        point.map { Point(x: $0.y, y: $0.x) }
    }
    distributed func echo(_ bytes: ByteBuffer) -> ByteBuffer { bytes }
    distributed var description: String { "calculator \(offset)" }
}

extension Calculator {
    distributed func inExtension() -> String { "extension" }
}

/// Identifies itself.
@Deployment
distributed actor Model {
    private let version: Int
    private let identity = UInt64.random(in: .min ... .max)

    init(version: Int = 1) {
        self.version = version
    }

    distributed func answer() -> Int { version }
    distributed func who() -> UInt64 { identity }
    distributed func processID() -> Int32 { getpid() }
    distributed func parentProcessID() -> Int32 { getppid() }
    distributed func trap() { fatalError("a trap that a test wants") }
    /// Never returns, and does not notice its cancellation.
    distributed func hang() async {
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }
    /// Computes on every thread of the pool for a while, without a chance for others to run.
    distributed func compute(for duration: Duration) async -> Int32 {
        await withDiscardingTaskGroup { group in
            for _ in 0..<(2 * sysconf(Int32(_SC_NPROCESSORS_ONLN))) {
                group.addTask {
                    let end = ContinuousClock.now + duration
                    while ContinuousClock.now < end {}
                }
            }
        }
        return getpid()
    }
    /// Blocks every thread of the pool forever.
    distributed func wedge() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<(2 * sysconf(Int32(_SC_NPROCESSORS_ONLN))) {
                group.addTask { while true { pause() } }
            }
        }
    }
    distributed func requestID() -> String? { ServeContext.current?.requestID }
    /// Priority, session and model of the request.
    distributed func way() -> String { ServeContext.way }
}

extension ServeContext {
    fileprivate static var way: String {
        current.map { "\($0.priority) \($0.sessionKey ?? "-") \($0.modelID ?? "-")" } ?? "none"
    }
}

/// Takes other deployments as arguments of its initialiser.
@Deployment
distributed actor Ensemble {
    private let models: [Model]
    private let named: [String: Calculator]

    init(models: [Model], named: [String: Calculator]) async throws {
        self.models = models
        self.named = named
    }

    distributed func answers() async throws -> [Int] {
        var answers: [Int] = []
        for model in models { answers.append(try await model.answer()) }
        return answers
    }
    distributed func add(_ name: String, _ a: Int, _ b: Int) async throws -> Int? {
        try await named[name]?.add(a, to: b)
    }
    distributed func relay(_ name: String, _ reason: String) async throws {
        try await named[name]?.refuse(reason)
    }
    /// Takes a handle as an argument.
    distributed func ask(_ model: Model) async throws -> Int { try await model.answer() }
    /// Returns a handle.
    distributed func first() -> Model { models[0] }
}

/// A log in which the replicas of a test record what happens, and wait for the entries of others.
@Deployment
distributed actor Journal {
    private var entries: [String] = []
    private var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
    private var next = 0

    distributed func note(_ entry: String) {
        entries.append(entry)
        for continuation in waiting.values { continuation.yield() }
    }
    distributed func all() -> [String] { entries }

    /// Waits for an entry that begins with `prefix`, and returns the first.
    @discardableResult
    distributed func wait(for prefix: String) async throws -> String {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let number = next
        next += 1
        waiting[number] = continuation
        defer { waiting[number] = nil }
        continuation.yield()
        for await _ in stream {
            if let entry = entries.first(where: { $0.hasPrefix(prefix) }) { return entry }
        }
        throw CancellationError()
    }
}

/// Notes each call in the journal, and holds it until the journal has its `open` entry.
@Deployment
distributed actor Gate {
    private let journal: Journal

    distributed func enter(_ name: String) async throws -> String {
        do {
            // Inside the `do`, because the cancellation may arrive after the entry but before the journal's answer.
            try await journal.note("began \(name) in \(getpid())")
            try await journal.wait(for: "open \(name)")
        } catch is CancellationError {
            // Detached: calls of this task are cancelled, and its deadline may have passed.
            await Task.detached { [journal] in try? await journal.note("cancelled \(name)") }.value
            throw CancellationError()
        }
        return name
    }
    distributed func version() -> Int { 1 }
}

/// Calls a gate from the process that it runs in.
@Deployment
distributed actor Visitor {
    private let gate: Gate

    /// Enters under each of these names at the same time, and returns the errors.
    distributed func enter(_ names: [String]) async throws -> [ServeError] {
        let gate = gate
        return await withTaskGroup(of: ServeError?.self) { group in
            for name in names {
                group.addTask {
                    do { _ = try await gate.enter(name) } catch let error as ServeError { return error } catch {}
                    return nil
                }
            }
            return await group.reduce(into: []) { if let error = $1 { $0.append(error) } }
        }
    }
}

/// Two ways in which an initialiser can fail.
@Deployment
distributed actor Broken {
    init(message: String) throws {
        throw Refused(reason: message, code: 1)
    }
    init(trapping: Bool) {
        if trapping { fatalError("a trap in an initialiser that a test wants") }
    }
    distributed func never() {}
}

/// Answers HTTP requests.
@Deployment
distributed actor Front: HTTPIngress {
    private let back: Model
    private let journal: Journal
    private let produced = Counter()
    private let identity = UInt64.random(in: .min ... .max)

    init(back: Model, journal: Journal) {
        self.back = back
        self.journal = journal
    }

    /// The number of bytes of downloads that the server has accepted.
    distributed func bytesProduced() -> Int { produced.value }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/echo": return .bytes(try await request.body.collect())
        case "/json":
            let point = try await request.decodeJSON(Point.self)
            return try .json(Point(x: point.y, y: point.x))
        case "/teapot": throw ServeHTTPError(418, "short and stout")
        case "/fail": throw Opaque()
        case "/context":
            let behind = try await back.requestID()
            return .text("\(ServeContext.current?.requestID ?? "none") \(behind ?? "none")")
        case "/way": return .text("\(ServeContext.way), \(try await back.way())")
        case "/upload": return .text("\(try await count(request.body))")
        case "/slow-upload":
            try await journal.note("began slow upload")
            try await journal.wait(for: "read")
            return .text("\(try await count(request.body))")
        case "/download": return download()
        case "/broken-download":
            return ServeResponse(
                body: .stream { writer in
                    try await writer.write("part")
                    throw Opaque()
                }
            )
        case "/hang":
            try await journal.note("began hang")
            do { try await journal.wait(for: "never") } catch {
                // Detached: calls of this task are cancelled, and its deadline may have passed.
                await Task.detached { [journal] in try? await journal.note("cancelled hang") }.value
            }
            return .text("too late")
        case "/who": return .text("\(identity)")
        case "/note":
            try await journal.note("note \(request.query ?? "")")
            return .text("\(identity)")
        case "/work":
            let end = ContinuousClock.now + .milliseconds(20)
            while ContinuousClock.now < end {}
            return .text("\(identity)")
        case "/gate":
            try await journal.note("began gate")
            try await journal.wait(for: "open gate")
            return .text("through")
        default: return .text("\(request.rootPath)|\(request.path)|\(request.query ?? "")")
        }
    }

    private func count(_ body: HTTPBody) async throws -> Int {
        var bytes = 0
        for try await chunk in body { bytes += chunk.readableBytes }
        return bytes
    }

    private func download() -> ServeResponse {
        let produced = produced
        return ServeResponse(
            body: .stream { writer in
                for number in 0..<Download.chunks {
                    try await writer.write(ByteBuffer(repeating: UInt8(number % 251), count: Download.chunkBytes))
                    produced.add(Download.chunkBytes)
                }
            }
        )
    }
}

enum Download {
    static let chunks = 320
    static let chunkBytes = 64 << 10
    static let bytes = chunks * chunkBytes
}

final class Counter: Sendable {
    private let state = Mutex(0)
    var value: Int { state.withLock { $0 } }
    func add(_ amount: Int) { state.withLock { $0 += amount } }
}

/// Its initialiser may wait forever; it returns only when it is cancelled.
@Deployment
distributed actor Stuck {
    init(isStuck: Bool) async throws {
        guard isStuck else { return }
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        try Task.checkCancellation()
    }
    distributed func answer() -> Int { 1 }
}

/// Answers at once, or hangs where the first call of a name arrives.
@Deployment
distributed actor Racer {
    private let journal: Journal
    private let identity = UInt64.random(in: .min ... .max)
    private var cleared = 0

    distributed func race(_ name: String, firstHangs: Bool) async throws -> UInt64 {
        guard firstHangs else { return identity }
        // Both attempts may get here at the same time: the one whose entry comes first hangs.
        let entry = "began \(name) at \(identity)"
        try await journal.note(entry)
        guard try await journal.all().first(where: { $0.hasPrefix("began \(name)") }) == entry else { return identity }
        do { try await journal.wait(for: "never") } catch is CancellationError {
            // Detached: calls of this task are cancelled.
            await Task.detached { [journal] in try? await journal.note("cancelled \(name)") }.value
        }
        throw CancellationError()
    }
    distributed func clear() -> Int {
        cleared += 1
        return cleared
    }
    distributed func gate(_ name: String) async throws {
        try await journal.note("began \(name)")
        try await journal.wait(for: "open \(name)")
    }
}
