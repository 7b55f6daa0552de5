public import Distributed
public import NIOCore
internal import SwerveCore

/// One argument of a call on its way to the replica.
@usableFromInline
package enum Argument: Sendable {
    case value(any Codable & Sendable)
    /// A value as it came from a replica in another process. It is decoded only where the method runs.
    case encoded(EncodedValue)
    /// A result that another process keeps. It is fetched where the method runs.
    case reference(KeptResult)
}

/// The arguments of one call. They are encoded only if the chosen replica is in another process, so calls within a
/// process encode nothing, and a second attempt need not record the arguments again.
// A class, because it is passed through many functions. Unchecked, including the exclusivity of its accesses: the
// calling code fills it before the call, and afterwards it is only read, but for the loans: those are noted before a
// method in this process begins, and end after it. A call with streams has one attempt at a time.
@usableFromInline
package final class Arguments: @unchecked Sendable {
    @exclusivity(unchecked) @usableFromInline var first: Argument?
    @exclusivity(unchecked) @usableFromInline var second: Argument?
    @exclusivity(unchecked) @usableFromInline var rest: [Argument] = []
    @exclusivity(unchecked) @usableFromInline package internal(set) var count = 0
    @exclusivity(unchecked) package fileprivate(set) var genericSubstitutions: [any Any.Type] = []
    /// Whether any argument is a kept result.
    @exclusivity(unchecked) package private(set) var hasReferences = false
    /// The streams among the arguments that a method in this process got.
    @exclusivity(unchecked) private var loans: [StreamLoan] = []

    @inlinable
    package init() {}

    @inlinable
    package func append(_ value: any Codable & Sendable) {
        append(argument: .value(value))
    }

    package func append(encoded value: EncodedValue) {
        append(argument: .encoded(value))
    }

    /// Adds a result that another process keeps. It is fetched where the method runs.
    package func append(kept result: KeptResult) {
        hasReferences = true
        append(argument: .reference(result))
    }

    @inlinable
    func append(argument: Argument) {
        switch count {
        case 0: first = argument
        case 1: second = argument
        default: rest.append(argument)
        }
        count += 1
    }

    /// A method in this process gets a stream, which is over when the call is.
    func lend(_ loan: StreamLoan) { loans.append(loan) }

    /// A call in this process is over, and with it the streams among its arguments.
    package func endLoans() {
        guard !loans.isEmpty else { return }
        for loan in loans { loan.end() }
        loans = []
    }

    /// The same arguments, after fetching the results that other processes keep.
    package func fetched() async throws -> Arguments {
        let fetched = Arguments()
        fetched.genericSubstitutions = genericSubstitutions
        for index in 0..<count {
            switch self[index] {
            case .reference(let result): fetched.append(encoded: try await result.fetch())
            case let argument: fetched.append(argument: argument)
            }
        }
        return fetched
    }

    package subscript(index: Int) -> Argument {
        guard let argument = at(index) else {
            preconditionFailure("there is no argument \(index): the call has \(count)")
        }
        return argument
    }

    @inlinable
    func at(_ index: Int) -> Argument? {
        switch index {
        case 0: first
        case 1: second
        default: index < count ? rest[index - 2] : nil
        }
    }
}

/// Records a call that a deployment reference receives. Part of the distributed actor system; not for direct use.
public struct InvocationEncoder: DistributedTargetInvocationEncoder, Sendable {
    public typealias SerializationRequirement = Codable & Sendable
    @usableFromInline let arguments = Arguments()

    @inlinable
    init() {}

    public mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        arguments.genericSubstitutions.append(type)
    }
    @inlinable
    public mutating func recordArgument<Value: Codable & Sendable>(_ argument: RemoteCallArgument<Value>) throws {
        arguments.append(argument.value)
    }
    @inlinable
    public mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}
    @inlinable
    public mutating func recordReturnType<R: Codable & Sendable>(_ type: R.Type) throws {}
    @inlinable
    public mutating func doneRecording() throws {}
}

/// Passes a call's arguments to the called method. Part of the distributed actor system; not for direct use.
public struct InvocationDecoder: DistributedTargetInvocationDecoder, @unchecked Sendable {
    // Unchecked: only the task that runs the call uses the reader.
    public typealias SerializationRequirement = Codable & Sendable
    /// The arguments from a caller in this process; `nil` if `reader` has them.
    @usableFromInline let values: Arguments?
    private let reader: BinaryReader?
    private let genericSubstitutions: [any Any.Type]
    @usableFromInline var index = 0
    /// Whether the types of the parameters are known only at run time, so that streams have to be looked for.
    @usableFromInline package var looksForStreams = false
    /// Arguments fetched from other processes, by position.
    private var fetched: [Int: EncodedValue] = [:]

    package init(_ arguments: Arguments) {
        self.values = arguments
        self.reader = nil
        self.genericSubstitutions = arguments.genericSubstitutions
    }

    /// - Parameter reader: positioned at the first argument's region.
    package init(_ reader: BinaryReader, genericSubstitutions: [any Any.Type]) {
        self.values = nil
        self.reader = reader
        self.genericSubstitutions = genericSubstitutions
    }

    public mutating func decodeGenericSubstitutions() throws -> [any Any.Type] {
        genericSubstitutions
    }

    // Disfavoured, because overloads are not ranked by what they return: for a stream the other one is meant.
    @_disfavoredOverload
    @inlinable
    public mutating func decodeNextArgument<Value: Codable & Sendable>() throws -> Value {
        if !looksForStreams, let values, case .value(let value)? = values.at(index) {
            index += 1
            return try unwrap(value)
        }
        return try decodeNext()
    }

    /// The next argument, a stream. For code that `@Deployment` generates.
    public mutating func decodeNextArgument<Element>() throws -> ResponseStream<Element> {
        let stream: ResponseStream<Element> = try decodeNext()
        return values.map { stream.lent(by: $0) } ?? stream
    }

    @usableFromInline
    mutating func decodeNext<Value: Codable & Sendable>() throws -> Value {
        defer { index += 1 }
        guard let reader else {
            switch values?.at(index) {
            case .value(let value)?: return lent(try unwrap(value))
            case .encoded(let value)?: return try decoding { try value.decode(as: Value.self) }
            case .reference?: preconditionFailure("kept results are fetched before the call")
            case nil: throw ServeError(.invalidArgument, "argument \(index + 1), a \(Value.self), is missing")
            }
        }
        return try decoding {
            guard let fetched = fetched[index] else { return try reader.nextRegion(Value.self) }
            try reader.skipRegion()
            return try fetched.decode(as: Value.self)
        }
    }

    private func lent<Value: Sendable>(_ value: Value) -> Value {
        guard looksForStreams, let values, let stream = value as? any AnyResponseStream,
            let lent = stream.lent(by: values) as? Value
        else { return value }
        return lent
    }

    /// Replaces the argument at `index`.
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
}

/// Unwraps a boxed value. In nearly every call the identity check avoids the cast, which costs far more.
@inlinable
package func unwrap<Boxed, Wanted>(_ value: Boxed, as type: Wanted.Type = Wanted.self) throws -> Wanted {
    if Boxed.self == Wanted.self { return unsafeBitCast(value, to: Wanted.self) }
    return try cast(value)
}

@usableFromInline
func cast<Boxed, Wanted>(_ value: Boxed) throws -> Wanted {
    if let encoded = value as? EncodedValue, let type = Wanted.self as? any Decodable.Type {
        return try unwrap(encoded.decode(as: type))
    }
    if let stream = value as? UntypedStream, let type = Wanted.self as? any AnyResponseStream.Type {
        return try unwrap(type.init(stream))
    }
    guard let wanted = value as? Wanted else {
        throw ServeError(.invalidArgument, "a \(Boxed.self) where a \(Wanted.self) is expected")
    }
    return wanted
}

/// Receives what a distributed method returns. Part of the distributed actor system; not for direct use.
public final class ResultHandler: DistributedTargetInvocationResultHandler, @unchecked Sendable {
    // Unchecked: used by the task that runs the call, and before and after that, but never at the same time.
    public typealias SerializationRequirement = Codable & Sendable
    @exclusivity(unchecked) @usableFromInline var value: (any Codable & Sendable)?
    @exclusivity(unchecked) private var stream: (any AnyResponseStream)?
    @exclusivity(unchecked) private var error: (any Error)?
    /// For calls from another process: the result is appended to these bytes as soon as its type is known.
    @exclusivity(unchecked) @usableFromInline var encoded: ByteBuffer?

    /// Keeps the result as a value.
    package init() {}

    /// Appends the encoded result to `buffer`.
    package init(encodingInto buffer: consuming ByteBuffer) {
        self.encoded = buffer
    }

    public func onReturn<Success: Codable & Sendable>(value: Success) async throws {
        try returned(any: value)
    }
    public func onReturnVoid() async throws {}
    public func onThrow<Err: Error>(error: Err) async throws {
        self.error = error
    }

    /// Takes what a method returned. For code that `@Deployment` generates.
    @inlinable
    public func returned<Success: Codable & Sendable>(_ value: Success) throws {
        if encoded == nil { self.value = value } else { try encode(value) }
    }

    /// Takes what a method returned, which may be a stream.
    package func returned(any value: any Codable & Sendable) throws {
        if let stream = value as? any AnyResponseStream { self.stream = stream } else { try returned(value) }
    }

    /// Takes the stream that a method returned. For code that `@Deployment` generates.
    public func returned<Element>(_ stream: ResponseStream<Element>) throws {
        self.stream = stream
    }

    @usableFromInline
    func encode<Success: Codable & Sendable>(_ value: Success) throws {
        let writer = BinaryWriter(encoded.take() ?? ByteBuffer())
        try writer.region(value)
        encoded = writer.takeBuffer()
    }

    /// What the method returned.
    package func result() throws -> CallResult {
        if let error { throw error }
        if let stream = stream.take() { return .stream(StreamedResult(stream)) }
        if let encoded = encoded.take() { return .encoded(encoded) }
        return value.map { .value($0) } ?? .void
    }
}
