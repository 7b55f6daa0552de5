internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveHTTPTypes
internal import SwerveRouting
internal import SwerveTracing

/// One HTTP request on its way to a replica and back. Confined to the exchange's event loop; callbacks on other threads
/// move there first.
final class HTTPForward: HTTPExchangeDelegate, ReplicaStreamReceiver, LeaseWaiter, @unchecked Sendable {
    // Unchecked: see the confinement above.
    private enum Stage {
        /// Not begun, or ended.
        case none
        /// In the pool's queue. Goes to asked and none.
        case queued(UInt64)
        /// A replica has the request; the lease is held. Goes to queued, asked and none.
        case asked(any ReplicaStream)
    }

    private let pool: Pool
    private let loop: RequestLoop
    // The exclusivity of accesses is not checked at run time: only the event loop's thread accesses these variables,
    // and no access spans a call to other code.
    @exclusivity(unchecked) private var head: HTTPRequestHead
    /// Apart from the head, which would be copied to be asked at the end.
    private let method: UInt64
    private let body: ByteBuffer?
    private let deadline: NIODeadline?
    private let metrics: RouteMetrics
    /// When the request came, in nanoseconds.
    private let arrival: UInt64
    /// What the answer that has begun says; 0 before.
    @exclusivity(unchecked) private var status: UInt16 = 0
    /// `nil` for a request that is not recorded.
    private let trace: ForwardTrace?
    @exclusivity(unchecked) private var exchange: HTTPExchange?
    @exclusivity(unchecked) private var stage = Stage.none
    @exclusivity(unchecked) private var lease: Lease?
    @exclusivity(unchecked) private var attempts = Attempts(isIdempotent: false)
    /// For the access log; `nil` without one.
    @exclusivity(unchecked) private var logged: AccessLog.Request?

    // For a streamed body.
    /// Received parts that wait until a replica accepts the body.
    @exclusivity(unchecked) private var waiting = ByteQueue()
    @exclusivity(unchecked) private var isAccepted = false
    @exclusivity(unchecked) private var isRequestEnded = false
    /// Bytes of the response not yet reported as consumed, because the client is slow.
    @exclusivity(unchecked) private var unreported = 0

    init(
        _ pool: Pool,
        _ head: HTTPRequestHead,
        _ body: ByteBuffer?,
        _ exchange: HTTPExchange,
        _ loop: RequestLoop,
        _ metrics: RouteMetrics,
        _ logged: AccessLog.Request?
    ) {
        self.logged = logged
        self.pool = pool
        self.head = head
        method = head.methodWord
        self.body = body
        self.exchange = exchange
        self.loop = loop
        self.metrics = metrics
        let now = loop.eventLoop.now
        self.arrival = now.uptimeNanoseconds
        if let timeout = pool.requestTimeout { exchange.limit(to: now + .nanoseconds(timeout.nanoseconds)) }
        self.deadline = exchange.deadline
        self.trace = pool.tracing.isOn ? ForwardTrace(pool, head, exchange) : nil
    }

    func begin() {
        metrics.began()
        exchange?.delegate = self
        switch pool.tryAcquire((head.attributes, remaining: remaining)) {
        case .lease(let lease): ask(lease)
        case .refused(let error): fail(error)
        case .wait(let isAdmitted): acquire(again: false, isAdmitted: isAdmitted)
        }
    }

    // MARK: The lease

    private var remaining: TimeAmount? { deadline.map { $0 - loop.eventLoop.now } }

    private func acquire(again: Bool, isAdmitted: Bool = false) {
        // While the request waits, the head must not keep the read buffer that it shares: that may be large.
        head = head.compacted()
        let answer = pool.acquire(
            self,
            attributes: head.attributes,
            remaining: remaining,
            again: again,
            isAdmitted: isAdmitted
        )
        switch answer {
        case .lease(let box): if let lease = box.take() { ask(lease) }
        case .waiting(let ticket):
            trace?.waits()
            stage = .queued(ticket)
        case .refused(let error): fail(error)
        }
    }

    func leaseGranted(_ lease: LeaseBox) {
        // In a later tick, because this may be called before `acquire` has returned. A lease that nobody takes is
        // released.
        loop.eventLoop.execute {
            guard case .queued = self.stage, let lease = lease.take() else { return }
            self.ask(lease)
        }
    }

    func leaseRefused(_ error: ServeError) {
        loop.eventLoop.execute {
            guard case .queued = self.stage else { return }
            self.fail(error)
        }
    }

    private func ask(_ lease: consuming Lease) {
        let replica = lease.replica
        self.lease = consume lease
        isAccepted = false
        let request = ReplicaRequest(head: head, body: body, deadline: deadline, trace: trace?.asks(replica.id))
        stage = .asked(replica.open(request, for: self, on: loop))
    }

    // MARK: The replica's events

    func received(_ event: StreamEvent) {
        guard case .asked(let stream) = stage else { return }
        switch event {
        case .accepted:
            isAccepted = true
            sendBody(to: stream)
        case .consumed(let bytes): exchange?.consumedRequestBody(bytes)
        case .head(let head, let contentLength):
            status = head.status
            exchange?.respondHead(status: head.status, headerBlock: lines(of: head), contentLength: contentLength)
        case .items: preconditionFailure("an HTTP request has no stream of elements")
        case .bytes(let bytes):
            unreported += bytes.readableBytes
            if exchange?.respondBody(bytes) ?? true { report(to: stream) }
        case .response(let head, let body):
            let lines = lines(of: head)
            end(head.status)?.respond(status: head.status, headerBlock: lines, body: body)
        case .end: end(status)?.respondEnd()
        case .failure: end(500)?.fail(status: 500, message: "internal error")
        case .value: end(502)?.fail(status: 502, message: "the replica's answer cannot be read")
        case .refused:
            stage = .none
            if let lease = lease.take() { lease.refuse() }
            if exchange != nil { acquire(again: true) }
        case .lost(let started, let reason): lost(started: started, reason: reason)
        }
    }

    private func lines(of head: ResponseHead) -> ByteBuffer {
        exchange?.addedHeaders == nil ? head.headerBlock : CORSAnswers.stripped(head.headerBlock)
    }

    private func report(to stream: any ReplicaStream) {
        guard unreported > 0 else { return }
        let bytes = unreported
        unreported = 0
        stream.consumed(bytes)
    }

    private func lost(started: Bool, reason: String) {
        stage = .none
        guard let lease = lease.take() else { return }
        let replica = lease.replica.id
        pool.leave(replica)
        lease.release()
        guard exchange != nil else { return }
        switch attempts.lost(replica, started: started, reason: reason) {
        case .again: acquire(again: true)
        case .fail(let error): fail(error)
        }
    }

    // MARK: The client's events

    func requestBody(_ bytes: ByteBuffer) {
        waiting.append(bytes)
        if case .asked(let stream) = stage { sendBody(to: stream) }
    }

    func requestBodyEnd() {
        isRequestEnded = true
        if case .asked(let stream) = stage { sendBody(to: stream) }
    }

    /// Sends nothing until a replica accepts the body, so that another replica can get the whole body after a refusal.
    private func sendBody(to stream: any ReplicaStream) {
        guard isAccepted else { return }
        while let bytes = waiting.take() {
            attempts.bodyLeft()
            stream.send(bytes)
        }
        if isRequestEnded { stream.end() }
    }

    func cancelled(_ reason: HTTPCancellation) {
        count(status(of: reason))
        exchange = nil
        waiting.removeAll()
        switch stage {
        case .none: break
        case .queued(let ticket):
            pool.cancel(ticket)
            stage = .none
        // Keep the lease until the replica answers: until then the request is ongoing there.
        case .asked(let stream):
            report(to: stream)
            stream.cancel()
        }
    }

    func responseWritable() {
        if case .asked(let stream) = stage { report(to: stream) }
    }

    // MARK: The end

    /// Ends the request. The place in the pool is free, and the request counted, before the response is sent.
    ///
    /// - Parameter status: what the client gets.
    private func end(_ status: UInt16) -> HTTPExchange? {
        count(status)
        stage = .none
        if let lease = lease.take() { lease.release() }
        return exchange.take()
    }

    private func fail(_ error: any Error) {
        let response = ServeResponse(for: error)
        end(response.status.code)?.respond(response)
    }

    private func count(_ status: UInt16) {
        guard exchange != nil else { return }
        let now = loop.eventLoop.now
        let taken = now.uptimeNanoseconds &- arrival
        metrics.ended(method, status, nanoseconds: taken, now: now.uptimeNanoseconds, id: head.requestID)
        // An answer that has begun has said its status.
        if let request = logged.take() { request.ended(self.status == 0 ? status : self.status, at: now) }
    }

    /// The status that says why the response is not wanted any more, whether the client gets it or not.
    private func status(of reason: HTTPCancellation) -> UInt16 {
        switch reason {
        case .clientGone: 499
        case .timedOut: body != nil || isRequestEnded ? 504 : 408
        case .invalidRequest: 400
        case .shutDown: 503
        }
    }
}

extension HTTPExchange {
    /// Answers with a response whose content is in memory.
    func respond(_ response: ServeResponse) {
        var block = ByteBuffer()
        do {
            try response.headers.encodeBlock(into: &block)
            respond(
                status: response.status.code,
                headerBlock: block,
                body: response.body.completeBytes ?? ByteBuffer()
            )
        } catch {
            fail(status: 500, message: "internal error")
        }
    }
}
