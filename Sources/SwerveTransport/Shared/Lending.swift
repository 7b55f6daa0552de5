internal import SwerveCore

/// What this process lent over one connection. Pure.
///
/// A loan holds the bytes until the peer gives them back, or for ever if the connection ends first: then whoever closes
/// it has the segments retired.
struct Lending<Bytes: Sendable>: Sendable {
    struct Loan: Sendable {
        let bytes: Bytes
        let range: SegmentRange
    }

    private enum Stage {
        /// Goes to offered and closed.
        case untried
        /// The peer was told of a segment and tries to read it. Goes to allowed, refused and closed.
        case offered
        /// Goes to closed.
        case allowed
        /// Goes to closed.
        case refused
        case closed
    }

    private var stage = Stage.untried
    private var loans: [UInt64: Loan] = [:]
    private var next: UInt64 = 1

    /// Whether the peer has what it needs to read what it is lent.
    var isAllowed: Bool { stage == .allowed }
    var isUntried: Bool { stage == .untried }
    var count: Int { loans.count }

    /// The first loan, with which the peer finds out whether it can read this process's segments.
    ///
    /// - Returns: its number; `nil` if one was offered before.
    mutating func offer(_ loan: Loan) -> UInt64? {
        guard stage == .untried else { return nil }
        stage = .offered
        return add(loan)
    }

    /// The peer says whether it can read what it was offered.
    ///
    /// - Returns: the offer, if it cannot. Otherwise it gives that back like any other loan.
    /// - Throws: an error if there was no offer.
    mutating func answered(_ isReadable: Bool) throws(ServeError) -> Loan? {
        switch stage {
        case .offered:
            stage = isReadable ? .allowed : .refused
            return isReadable ? nil : loans.removeValue(forKey: 1)
        case .closed: return nil
        case .untried, .allowed, .refused: throw .sharedMemory("an answer without an offer")
        }
    }

    /// - Returns: the loan's number; `nil` if the peer cannot read it.
    mutating func lend(_ loan: Loan) -> UInt64? { stage == .allowed ? add(loan) : nil }

    private mutating func add(_ loan: Loan) -> UInt64 {
        defer { next += 1 }
        loans[next] = loan
        return next
    }

    /// The bytes of a loan, which the peer may refer to as long as it has them.
    func loan(_ number: UInt64) throws(ServeError) -> Loan {
        guard let loan = loans[number] else { throw .sharedMemory("loan \(number), which is not out") }
        return loan
    }

    /// The peer gave a loan back.
    mutating func ended(_ number: UInt64) throws(ServeError) -> Loan {
        let loan = try loan(number)
        loans[number] = nil
        return loan
    }

    /// The connection is over.
    ///
    /// - Returns: what the peer still has.
    mutating func close() -> [Loan] {
        stage = .closed
        defer { loans = [:] }
        return Array(loans.values)
    }
}

/// What this process borrowed over one connection, and the peer's segments that it keeps mapped. Pure.
///
/// A mapping serves one loan at a time: of two buffers over the same one, one could change under the other.
struct Borrowing<Mapping: Sendable>: Sendable {
    private struct Loan {
        let segment: UInt64
        let mapping: Mapping
    }

    private var free: [UInt64: Mapping] = [:]
    private var loans: [UInt64: Loan] = [:]
    private var isClosed = false

    var count: Int { loans.count }
    var mappings: Int { loans.count + free.count }

    /// The peer lends bytes of a segment.
    ///
    /// - Returns: a mapping for it; `nil` if the segment has to be mapped for this loan.
    mutating func mapping(of segment: UInt64) -> Mapping? { free.removeValue(forKey: segment) }

    mutating func began(_ number: UInt64, segment: UInt64, _ mapping: Mapping) throws(ServeError) {
        guard loans[number] == nil else { throw .sharedMemory("loan \(number) is lent twice") }
        loans[number] = Loan(segment: segment, mapping: mapping)
    }

    /// The loan whose memory `isInside` finds, and that memory.
    func loan(where isInside: (Mapping) -> Bool) -> (number: UInt64, mapping: Mapping)? {
        for (number, loan) in loans where isInside(loan.mapping) { return (number, loan.mapping) }
        return nil
    }

    /// Nobody here uses the bytes of a loan any more.
    ///
    /// - Returns: whether to tell the peer, and a mapping that is not needed any more.
    mutating func ended(_ number: UInt64) -> (isTold: Bool, unneeded: Mapping?) {
        guard let loan = loans.removeValue(forKey: number) else {
            preconditionFailure("loan \(number) was given back twice")
        }
        if isClosed || free[loan.segment] != nil { return (!isClosed, loan.mapping) }
        free[loan.segment] = loan.mapping
        return (true, nil)
    }

    /// The peer's segment is over.
    mutating func forgot(_ segment: UInt64) throws(ServeError) -> Mapping? {
        guard !loans.values.contains(where: { $0.segment == segment }) else {
            throw .sharedMemory("segment \(segment) is over while it is lent")
        }
        return free.removeValue(forKey: segment)
    }

    /// The connection is over; what is in use stays until it is not.
    mutating func close() -> [Mapping] {
        isClosed = true
        defer { free = [:] }
        return Array(free.values)
    }
}

extension ServeError {
    /// The peer broke the rules of shared memory.
    static func sharedMemory(_ what: String) -> ServeError {
        ServeError(.protocolViolation, "shared memory: \(what)")
    }
}
