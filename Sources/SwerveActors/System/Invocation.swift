public import Distributed
package import NIOCore
internal import SwerveCore

/// One argument of a call on its way to the replica.
package enum Argument: Sendable {
    case value(any Codable & Sendable)
    /// As it came from a replica of another process; decoded only where the method runs.
    case encoded(EncodedValue)
    /// A result that another process keeps; fetched where the method runs.
    case reference(KeptResult)
}

/// The arguments of one call: encoded only when the chosen replica is in another process, so that calls within a process
/// encode nothing and a second attempt needs nothing recorded again.
package struct Arguments: Sendable {
    private var first: Argument?
    private var second: Argument?
    private var rest: [Argument] = []
    package private(set) var count = 0
    package var genericSubstitutions: [any Any.Type] = []
    /// Whether some are references.
    package private(set) var hasReferences = false

    package init() {}

    @inline(__always)
    package mutating func append(_ value: any Codable & Sendable) {
        append(argument: .value(value))
    }

    package mutating func append(encoded value: EncodedValue) {
        append(argument: .encoded(value))
    }

    /// Adds a result that another process keeps; it is fetched where the method runs.
    package mutating func append(kept result: KeptResult) {
        hasReferences = true
        append(argument: .reference(result))
    }

    @inline(__always)
    private mutating func append(argument: Argument) {
        switch count {
        case 0: first = argument
        case 1: second = argument
        default: rest.append(argument)
        }
        count += 1
    }

    /// The same with the results that other processes keep brought here.
    func fetched() async throws -> Arguments {
        var fetched = Arguments()
        fetched.genericSubstitutions = genericSubstitutions
        for index in 0..<count {
            switch self[index] {
            case .reference(let result): fetched.append(encoded: try await result.fetch())
            case let argument: fetched.append(argument: argument)
            }
        }
        return fetched
    }

    @inline(__always)
    package subscript(index: Int) -> Argument {
        let argument =
            switch index {
            case 0: first
            case 1: second
            default: index < count ? rest[index - 2] : nil
            }
        guard let argument else { preconditionFailure("a call has \(count) arguments, and none at \(index)") }
        return argument
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

    public mutating func decodeNextArgument<Value: Codable & Sendable>() throws -> Value {
        defer { index += 1 }
        switch source {
        case .values(let arguments):
            guard index < arguments.count else { throw missing(Value.self) }
            switch arguments[index] {
            case .value(let value): return try unwrap(value)
            case .encoded(let value): return try decoding { try value.decode(as: Value.self) }
            case .reference: preconditionFailure("results that other processes keep are fetched before the call")
            }
        case .encoded(let reader, _):
            return try decoding {
                guard let fetched = fetched[index] else { return try reader.nextRegion(Value.self) }
                try reader.skipRegion()
                return try fetched.decode(as: Value.self)
            }
        }
    }

    /// Puts a value in the place of the argument at `index`.
    package mutating func setArgument(_ index: Int, _ value: EncodedValue) {
        fetched[index] = value
    }

    public mutating func decodeErrorType() throws -> (any Any.Type)? { nil }
    public mutating func decodeReturnType() throws -> (any Any.Type)? { nil }

    private func decoding<Value>(_ decode: () throws -> Value) throws -> Value {
        do {
            return try decode()
        } catch {
            throw ServeError(.invalidArgument, "argument \(index + 1), a \(Value.self): \(error)")
        }
    }

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

    /// What the method returned.
    package func result() throws -> CallResult {
        if let error { throw error }
        if let encoded { return .encoded(encoded) }
        return value.map { .value($0) } ?? .void
    }
}
