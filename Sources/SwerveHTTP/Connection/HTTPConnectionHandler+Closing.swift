internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

extension HTTPConnectionHandler {
    /// Closes once everything is written. If the client may still be sending, closes only this side first, and drops
    /// the client's input for a while: closing at once would make the system answer with a reset that can overtake the
    /// response.
    func closeAfterFlush(linger: Bool) {
        machine.close(now: loop.now)
        lingers = linger || pending.readableBytes > 0
        pending = ByteBuffer()
        updateCharge()
        closesAfterFlush = true
        markDirty()
        resumeReading()
    }

    func finishClosing() {
        guard let context, machine.phase != .closed else { return }
        isWrittenToTheEnd = true
        if lingers, !machine.isInputClosed {
            context.close(mode: .output, promise: nil)
            machine.lingers(unsent: loop.unsent(context.channel, &descriptor), now: loop.now)
            loop.lingers(self)
        } else {
            cut()
        }
    }

    /// Drops input after the last response.
    func drop(_ bytes: ByteBuffer) {
        if machine.dropped(bytes.readableBytes, now: loop.now) == .cut { cut() }
    }

    /// Closes at once; unwritten bytes are lost.
    func cut() {
        guard let context else { return }
        context.close(promise: nil)
    }

    /// Cleans up after the connection has closed.
    func gone(_ reason: HTTPCancellation) {
        guard machine.phase != .closed else { return }
        if machine.isLingering { loop.lingersNoMore(self) }
        machine.closed()
        loop.remove(self)
        pending = ByteBuffer()
        collected = ByteBuffer()
        collectedHead = nil
        shedRequestID = nil
        cancel(reason)
        dropCharge()
    }

    /// Tells the service that the response is no longer wanted.
    func cancel(_ reason: HTTPCancellation) {
        guard let exchange = exchange.take() else { return }
        let delegate = exchange.delegate
        wholeBodyBytes = 0
        exchange.detach(.cancelled(reason))
        delegate?.cancelled(reason)
    }

    // MARK: - Called by the loop

    func tick(_ now: MonotonicTime) {
        if chargedBytes > 0 {
            measure()
            // The budget may have room again.
            if case .exchange = machine.phase { process() }
        }
        if machine.wantsLook(now: now), let context {
            let unsent = loop.unsent(context.channel, &descriptor)
            machine.looked(taken: writtenBytes &- unsent, unsent: unsent, now: now)
        }
        switch machine.tick(now: now) {
        case .none: break
        case .close: cut()
        case .refuse: refuse(status: 408, message: "the request did not arrive in time")
        case .fail(let reason, let status): failExchange(reason, status: status)
        }
    }

    func drain() {
        machine.drain(now: loop.now, idleGrace: loop.idleGrace)
        if machine.isOver, pending.readableBytes == 0 { closeAfterFlush(linger: false) }
    }

    /// See ``HTTPConnectionMachine/idleSince``.
    var idleSince: MonotonicTime? { pending.readableBytes == 0 ? machine.idleSince : nil }

    func shutDown() {
        cancel(.shutDown)
        cut()
    }

    // MARK: - Refusals

    func refuse(_ error: HTTPParseError) {
        refuse(status: error.status, message: error.message)
    }

    /// Answers a request that no service has seen, and closes.
    func refuse(
        status: UInt16,
        message: String,
        retryAfter: Int? = nil,
        isHead: Bool = false,
        requestID: String? = nil
    ) {
        collectedHead = nil
        collected = ByteBuffer()
        shedRequestID = nil
        writeError(
            status: status,
            message: message,
            retryAfter: retryAfter,
            connection: .close,
            isHead: isHead,
            requestID: requestID
        )
        closeAfterFlush(linger: true)
    }

    /// Takes a request away from the service. Answers in its place if no response has begun and the client is still
    /// there; cuts the connection otherwise.
    func failExchange(_ reason: HTTPCancellation, status: UInt16, message: String? = nil) {
        let current = machine.exchange
        let id = exchange?.requestID
        let added = exchange?.addedHeaders
        cancel(reason)
        guard let current, current.response == nil, reason != .clientGone else {
            cut()
            return
        }
        let text = message ?? (status == 504 ? "the request took too long" : "the request did not arrive in time")
        writeError(
            status: status,
            message: text,
            retryAfter: nil,
            connection: .close,
            isHead: current.isHead,
            requestID: id,
            added: added
        )
        closeAfterFlush(linger: true)
    }
}
