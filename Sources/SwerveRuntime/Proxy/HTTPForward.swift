internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveHTTPTypes
internal import SwerveTransport

/// One HTTP request on its way to a replica and back. Confined to the exchange's event loop; what comes on other
/// threads is taken there first.
final class HTTPForward: HTTPExchangeDelegate, StreamOwner, LeaseWaiter, @unchecked Sendable {
    // Unchecked: see the confinement above; `onLoop` holds it.
    private enum State {
        /// In the route's queue.
        case queued(UInt64)
        /// With a replica of another process.
        case remote(Lease, RemotePeerReplica, stream: UInt64)
        /// With a replica of this process.
        case local(Lease, LocalHTTPCall)
        case over
    }

    private let route: Route
    private var head: HTTPRequestHead
    private let body: ByteBuffer?
    private var exchange: HTTPExchange?
    private unowned let service: ProxyService
    let eventLoop: any EventLoop
    private var state = State.over
    private var losses = 0
    private let deadline: NIODeadline?

    /// How many bytes of the request the replica still takes, and what waits for it to take more.
    private var requestCredit = 0
    private var waitingBody = CircularBuffer<ByteBuffer>()
    private var isRequestEnded = false
    private var isEndSent = false
    private var sentBody = false
    /// Bytes of the response that a slow client has not made room for.
    private var unreturnedCredit = 0

    init(
        _ route: Route,
        _ head: HTTPRequestHead,
        _ body: ByteBuffer?,
        _ exchange: HTTPExchange,
        _ service: ProxyService
    ) {
        self.route = route
        self.head = head
        self.body = body
        self.exchange = exchange
        self.service = service
        self.eventLoop = exchange.eventLoop
        self.deadline = exchange.deadline
    }

    func begin() {
        exchange?.delegate = self
        if let lease = route.tryAcquire() { return dispatch(lease) }
        acquire(again: false)
    }

    private func acquire(again: Bool) {
        head = head.compacted()
        switch route.acquire(self, again: again) {
        case .lease(let lease): dispatch(lease)
        case .waiting(let ticket): if case .over = state { state = .queued(ticket) }
        case .refused(let error): fail(error)
        }
    }

    @inline(__always)
    private func onLoop(_ work: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { work() } else { eventLoop.execute(work) }
    }

    // MARK: The lease

    func leaseGranted(_ lease: Lease) {
        // Always in a later tick: it may be granted while `acquire` has not returned the ticket yet.
        eventLoop.execute { self.exchange == nil ? lease.release() : self.dispatch(lease) }
    }
    func leaseRefused(_ error: ServeError) {
        eventLoop.execute { self.fail(error) }
    }

    private func dispatch(_ lease: Lease) {
        switch lease.target {
        case .local(let replica):
            let runner = service.runner(of: eventLoop)
            let call = LocalHTTPCall(self, runner.mailbox, replica, head, body, deadline: deadline)
            state = .local(lease, call)
            // What came while the request waited for its turn.
            while let bytes = waitingBody.popFirst() { call.push(bytes) }
            if isRequestEnded { call.endBody() }
            runner.start(call)
        case .remote(let replica):
            guard let replica = replica as? RemotePeerReplica else { preconditionFailure("one kind of remote replica") }
            // An attempt that was refused or lost before it began has taken nothing, and was told of no end that counts.
            requestCredit = 0
            isEndSent = false
            let (frame, trailing) = HTTPFrames.request(
                head,
                method: replica.httpNumber(),
                body: body,
                deadline: deadline
            )
            switch replica.connection.open(.requestHTTP, frame, trailing: trailing, owner: self) {
            case .success(let stream): state = .remote(lease, replica, stream: stream)
            case .failure(.closed(let reason)):
                state = .remote(lease, replica, stream: 0)
                lost(started: false, reason: reason)
            case .failure(let failure):
                lease.release()
                fail(failure.error)
            }
        }
    }

    // MARK: What the replica says

    func received(_ kind: FrameKind, _ body: ByteBuffer, on connection: PeerConnection) {
        onLoop { self.handle(kind, body) }
    }

    private func handle(_ kind: FrameKind, _ bytes: ByteBuffer) {
        guard case .remote(let lease, let replica, let stream) = state else { return }
        switch kind {
        case .responseHTTP: respond(bytes, lease)
        case .responseData:
            if exchange?.respondBody(bytes) ?? true {
                replica.connection.sendCredit(.responseCredit, stream: stream, bytes.readableBytes)
            } else {
                unreturnedCredit += bytes.readableBytes
            }
        case .responseEnd: end(lease) { $0.respondEnd() }
        case .responseAbort: end(lease) { $0.abort() }
        case .responseFailure: end(lease) { $0.fail(status: 500, message: "internal error") }
        case .responseRefused:
            state = .over
            lease.refuse()
            if exchange != nil { acquire(again: true) }
        case .requestCredit:
            requestCredit += PeerConnection.credit(in: bytes)
            sendBody()
        default: replica.connection.close(because: "an HTTP request was answered with \(kind)")
        }
    }

    private func respond(_ bytes: ByteBuffer, _ lease: Lease) {
        do {
            let response = try HTTPFrames.readResponse(bytes)
            guard let body = response.body else {
                exchange?.respondHead(
                    status: response.status,
                    headerBlock: response.headerBlock,
                    contentLength: response.contentLength
                )
                return
            }
            end(lease) { $0.respond(status: response.status, headerBlock: response.headerBlock, body: body) }
        } catch {
            end(lease) { $0.fail(status: 502, message: "the replica's answer cannot be read") }
        }
    }

    func connectionLost(started: Bool, reason: String) {
        onLoop { self.lost(started: started, reason: reason) }
    }

    private func lost(started: Bool, reason: String) {
        guard case .remote(let lease, let replica, _) = state else { return }
        state = .over
        route.leave(replica.id)
        lease.release()
        losses += 1
        guard exchange != nil else { return }
        if !started, !sentBody, losses < maximumAttempts { return acquire(again: true) }
        fail(ServeError.lost(replica.id, started: started, attempts: losses, reason: reason))
    }

    // MARK: What the client does

    func requestBody(_ bytes: ByteBuffer) {
        if case .local(_, let call) = state { return call.push(bytes) }
        waitingBody.append(bytes)
        sendBody()
    }
    func requestBodyEnd() {
        isRequestEnded = true
        if case .local(_, let call) = state { return call.endBody() }
        sendBody()
    }

    private func sendBody() {
        guard case .remote(_, let replica, let stream) = state else { return }
        while requestCredit > 0, let bytes = waitingBody.popFirst() {
            var bytes = bytes
            guard let part = bytes.readSlice(length: min(bytes.readableBytes, requestCredit)) else { break }
            if bytes.readableBytes > 0 { waitingBody.prepend(bytes) }
            requestCredit -= part.readableBytes
            sentBody = true
            replica.connection.send(.requestData, stream: stream, Frame.open(capacity: 0), trailing: part)
            exchange?.consumedRequestBody(part.readableBytes)
        }
        if isRequestEnded, waitingBody.isEmpty, !isEndSent {
            isEndSent = true
            replica.connection.send(.requestEnd, stream: stream)
        }
    }

    func cancelled(_ reason: HTTPCancellation) {
        exchange = nil
        waitingBody.removeAll()
        switch state {
        case .queued(let ticket):
            route.cancel(ticket)
            state = .over
        // The lease stays until the replica has answered: until then the request is still outstanding there.
        case .remote(_, let replica, let stream): replica.connection.send(.requestCancel, stream: stream)
        case .local(_, let call): call.cancel()
        case .over: break
        }
    }

    func responseWritable() {
        switch state {
        case .remote(_, let replica, let stream):
            guard unreturnedCredit > 0 else { return }
            replica.connection.sendCredit(.responseCredit, stream: stream, unreturnedCredit)
            unreturnedCredit = 0
        case .local(_, let call): call.grant()
        case .queued, .over: break
        }
    }

    // MARK: The end

    private func end(_ lease: Lease, _ answer: (HTTPExchange) -> Void) {
        state = .over
        lease.release()
        let exchange = exchange
        self.exchange = nil
        if let exchange { answer(exchange) }
    }

    private func fail(_ error: any Error) {
        state = .over
        let exchange = exchange
        self.exchange = nil
        exchange?.respond(to: error)
    }

    // MARK: For the call in this process, on the event loop

    func localResponse(_ answer: (HTTPExchange) -> Void) {
        guard case .local(let lease, _) = state else { return }
        end(lease, answer)
    }
    func localHead(_ status: UInt16, _ block: ByteBuffer, _ contentLength: Int?) {
        exchange?.respondHead(status: status, headerBlock: block, contentLength: contentLength)
    }
    func localBody(_ bytes: ByteBuffer) -> Bool { exchange?.respondBody(bytes) ?? true }
    func localConsumed(_ bytes: Int) { exchange?.consumedRequestBody(bytes) }
}

extension HTTPExchange {
    /// Answers with the status that stands for the error.
    func respond(to error: any Error) {
        let response = HTTPResponse(for: error)
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
