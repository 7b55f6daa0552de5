public import Distributed
package import NIOCore
internal import SwerveCore

/// The arguments of one call as values: encoded only when the chosen replica is in another process, so that calls
/// within a process encode nothing and a second attempt needs nothing recorded again.
package struct Arguments: Sendable {
    package typealias Value = any Codable & Sendable
    private var first: Value?
    private var second: Value?
    private var rest: [Value] = []
    package private(set) var count = 0
    package var genericSubstitutions: [any Any.Type] = []
    /// Whether some are ``KeptArgument``s.
    package private(set) var hasKept = false

    package init() {}

    /// Adds a result that another process keeps; it is fetched where the method runs.
    package mutating func append(kept result: KeptResult) {
        append(KeptArgument(result))
        hasKept = true
    }

    @inline(__always)
    package mutating func append(_ value: Value) {
        switch count {
        case 0: first = value
        case 1: second = value
        default: rest.append(value)
        }
        count += 1
    }

    /// The same with the results that other processes keep brought here.
    func fetched() async throws -> Arguments {
        var fetched = Arguments()
        fetched.genericSubstitutions = genericSubstitutions
        for index in 0..<count {
            guard let value = value(at: index) else { break }
            if let kept = value as? KeptArgument {
                fetched.append(try await kept.result.fetch())
            } else {
                fetched.append(value)
            }
        }
        return fetched
    }

    @inline(__always)
    package func value(at index: Int) -> Value? {
        guard index < count else { return nil }
        return switch index {
        case 0: first
        case 1: second
        default: rest[index - 2]
        }
    }
}

/// Records a call that a deployment reference receives. Part of the distributed actor system; not for direct use.
public struct InvocationEncoder: DistributedTargetInvocationEncoder, Sendable {
    public typealias SerializationRequirement = Codable & Sendable
    package var arguments = Arguments()

    public mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        arguments.genericSubstitutions.append(type)
    }
    public mutating func recordArgument<Value: Codable & Sendable>(_ argument: RemoteCallArgument<Value>) throws {
        arguments.append(argument.value)
    }
    public mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}
    public mutating func recordReturnType<R: Codable & Sendable>(_ type: R.Type) throws {}
    public mutating func doneRecording() throws {}
}

/// Hands a call's arguments to the method that is called. Part of the distributed actor system; not for direct use.
public struct InvocationDecoder: DistributedTargetInvocationDecoder, @unchecked Sendable {
    // Unchecked: the reader in it is used by the one task that runs the call.
    public typealias SerializationRequirement = Codable & Sendable
    private enum Source {
        case values(Arguments)
        case encoded(BinaryReader, [any Any.Type])
    }
    private let source: Source
    private var index = 0
    /// Arguments that came from elsewhere, by their position.
    private var fetched: [Int: EncodedValue] = [:]

    init(_ arguments: Arguments) {
        self.source = .values(arguments)
    }

    /// - Parameter reader: positioned at the first argument's region.
    package init(_ reader: BinaryReader, genericSubstitutions: [any Any.Type]) {
        self.source = .encoded(reader, genericSubstitutions)
    }

    public mutating func decodeGenericSubstitutions() throws -> [any Any.Type] {
        switch source {
        case .values(let arguments): arguments.genericSubstitutions
        case .encoded(_, let types): types
        }
    }

    public mutating func decodeNextArgument<Argument: Codable & Sendable>() throws -> Argument {
        defer { index += 1 }
        switch source {
        case .values(let arguments):
            guard let value = arguments.value(at: index) else { throw missing(Argument.self) }
            return try unwrap(value)
        case .encoded(let reader, _):
            do {
                if let fetched = fetched[index] {
                    try reader.skipRegion()
                    return try fetched.decode(as: Argument.self)
                }
                return try reader.nextRegion(Argument.self)
            } catch {
                throw ServeError(.invalidArgument, "argument \(index + 1), a \(Argument.self): \(error)")
            }
        }
    }

    /// Puts a value in the place of the argument at `index`.
    package mutating func setArgument(_ index: Int, _ value: EncodedValue) {
        fetched[index] = value
    }

    public mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
    public mutating func decodeReturnType() throws -> (any Any.Type)? { nil }

    private func missing(_ type: any Any.Type) -> ServeError {
        ServeError(.invalidArgument, "argument \(index + 1), a \(type), is missing")
    }
}

/// Takes the value out of its box. The identity check spares the cast, which costs far more, in nearly every call.
@inline(__always)
package func unwrap<Boxed, Wanted>(_ value: Boxed, as type: Wanted.Type = Wanted.self) throws -> Wanted {
    if Boxed.self == Wanted.self { return unsafeBitCast(value, to: Wanted.self) }
    if let encoded = value as? EncodedValue, let type = Wanted.self as? any Decodable.Type {
        return try unwrap(encoded.decode(as: type))
    }
    guard let wanted = value as? Wanted else {
        throw ServeError(.invalidArgument, "a \(Boxed.self) where a \(Wanted.self) is expected")
    }
    return wanted
}

/// Receives what a distributed method returns. Part of the distributed actor system; not for direct use.
public final class ResultHandler: DistributedTargetInvocationResultHandler, @unchecked Sendable {
    // Unchecked: used by the one task that runs the call, before and after it but never at the same time.
    public typealias SerializationRequirement = Codable & Sendable
    private var value: (any Codable & Sendable)?
    private var error: (any Error)?
    /// For calls from another process: the result is encoded behind these bytes as soon as its type is known.
    private var encoded: ByteBuffer?

    /// Keeps the result as a value.
    package init() {}

    /// Encodes the result behind what `buffer` holds.
    package init(encodingInto buffer: consuming ByteBuffer) {
        self.encoded = buffer
    }

    public func onReturn<Success: Codable & Sendable>(value: Success) async throws {
        try returned(value)
    }
    public func onReturnVoid() async throws {}
    public func onThrow<Err: Error>(error: Err) async throws {
        self.error = error
    }

    /// Takes what a method returned, from code that `@Deployment` makes.
    public func returned<Success: Codable & Sendable>(_ value: Success) throws {
        guard let buffer = encoded.take() else {
            self.value = value
            return
        }
        let writer = BinaryWriter(buffer)
        try writer.region(value)
        encoded = writer.buffer
    }

    func result<Result>(as type: Result.Type) throws -> Result {
        try unwrap(anyResult(), as: type)
    }
    func anyResult() throws -> any Codable & Sendable {
        if let error { throw error }
        guard let value else { throw ServeError(.protocolViolation, "the method returned nothing") }
        return value
    }
    func checkThrown() throws {
        if let error { throw error }
    }
    package func encodedResult() throws -> ByteBuffer {
        if let error { throw error }
        return encoded ?? ByteBuffer()
    }
}
