internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

extension HTTPConnectionHandler {
    /// Begins as many of the pending requests as possible. A service that answers at once does not recurse: this loop
    /// continues with the next request.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        var goesOn = true
        while goesOn {
            switch machine.phase {
            case .idle, .head: goesOn = nextHead()
            case .collecting: goesOn = collect()
            case .exchange(let exchange): goesOn = !exchange.isRequestComplete && stream()
            case .closing:
                if machine.isInputClosed, isWrittenToTheEnd { cut() }
                goesOn = false
            case .closed: goesOn = false
            }
        }
        isProcessing = false
        tidyPending()
        updateCharge()
        resumeReading()
    }

    /// A buffer with less unused memory than this is not worth a copy.
    private static let slack = 64 << 10

    /// Releases the read buffer, so that the channel can reuse it; a small remainder gets memory of its own.
    private func tidyPending() {
        if pending.readableBytes == 0 {
            pending = ByteBuffer()
        } else if pending.readableBytes <= 4096, pending.readerIndex > 0 || pending.capacity > 1 << 14 {
            var rest = ByteBufferAllocator().buffer(capacity: max(1024, pending.readableBytes))
            rest.writeImmutableBuffer(pending)
            pending = rest
        } else {
            pending = pending.withoutWaste(slack: Self.slack)
        }
    }

    // MARK: - Heads

    /// Returns whether there may be more to do.
    private func nextHead() -> Bool {
        guard pending.readableBytes > 0 else { return inputMayBeOver() }
        // While a client takes no responses, its next requests do not begin.
        guard isWritable else { return false }
        do throws(HTTPParseError) {
            guard let head = try parser.parseHead(&pending) else {
                if pending.readableBytes > 0 { machine.headBegan(now: loop.now) }
                return inputMayBeOver()
            }
            start(head)
            return true
        } catch {
            refuse(error)
            return false
        }
    }

    /// The next request needs more bytes. Closes the connection if none will come, or if it is idle while draining.
    private func inputMayBeOver() -> Bool {
        if machine.isInputClosed {
            closeAfterFlush(linger: false)
        } else if machine.isOver {
            closeAfterFlush(linger: false)
        }
        return false
    }

    private func start(_ parsed: HTTPParsedHead) {
        var head = parsed.head
        if head.bytes.storageCapacity > 2 * head.bytes.readableBytes + Self.slack { head = head.compacted() }
        if let id = parsed.requestID {
            head.requestID = head.bytes.getString(at: head.bytes.readerIndex + id.lowerBound, length: id.count) ?? ""
        } else {
            head.requestID = loop.makeRequestID()
        }
        if parsed.framing != .none, loop.budget.isUsedUp { return shed(parsed, requestID: head.requestID) }
        switch machine.headEnded(parsed, buffered: pending.readableBytes, now: arrival(of: parsed)) {
        case .complete:
            begin(head, body: ByteBuffer())
        case .collect:
            guard case .length(let length) = parsed.framing else { return }
            if let whole = pending.readSlice(length: length) {
                machine.collected()
                begin(head, body: whole.withoutWaste(slack: Self.slack))
                return
            }
            body = .length(remaining: length)
            collectedHead = head.compacted()
            beginCollecting(length)
            if parsed.expectsContinue, pending.readableBytes == 0 { writeContinue() }
        case .stream:
            startStream(parsed, head: head)
        }
    }

    private func startStream(_ parsed: HTTPParsedHead, head: HTTPRequestHead) {
        reading?.set(inPlace: false)
        if case .length(let length) = parsed.framing {
            body = .length(remaining: length)
        } else {
            body = .chunked(HTTPChunkedDecoder(limits: options.limits))
            if pending.readableBytes > 0, beginIfWhole(head) { return }
        }
        begin(head, body: nil)
        let isWaiting = machine.exchange.map { $0.response == nil } ?? false
        if parsed.expectsContinue, pending.readableBytes == 0, isWaiting { writeContinue() }
    }

    /// Hands over a chunked request whole if all of it has arrived and it is small.
    private func beginIfWhole(_ head: HTTPRequestHead) -> Bool {
        guard case .chunked(var decoder) = body, pending.readableBytes <= options.inlineBodyBytes else { return false }
        var rest = pending
        var whole = ByteBuffer()
        while true {
            // The streaming path finds malformed content again, and refuses it.
            guard let part = try? decoder.next(&rest) else { return false }
            switch part {
            case .needsMore: return false
            case .bytes(let bytes):
                if whole.readableBytes == 0 { whole = bytes } else { whole.writeImmutableBuffer(bytes) }
            case .end:
                pending = rest
                body = .none
                machine.requestEnded()
                begin(head, body: whole.withoutWaste(slack: Self.slack))
                return true
            }
        }
    }

    /// The time, which is exact if the request has a time limit: that may be shorter than the period of ticks.
    private func arrival(of parsed: HTTPParsedHead) -> MonotonicTime {
        parsed.timeout == nil && loop.options.requestTimeout == nil ? loop.now : loop.exactNow
    }

    func begin(_ head: HTTPRequestHead, body: ByteBuffer?) {
        let deadline = machine.requestDeadline.map { NIODeadline.uptimeNanoseconds(UInt64(clamping: $0.nanoseconds)) }
        if spare != nil, isKnownUniquelyReferenced(&spare), let reused = spare.take() {
            reused.reopen(requestID: head.requestID, deadline: deadline, connection: self)
            exchange = reused
        } else {
            exchange = HTTPExchange(requestID: head.requestID, deadline: deadline, connection: self)
        }
        guard let exchange else { return }
        wholeBodyBytes = body?.readableBytes ?? 0
        service.begin(head, body: body, exchange: exchange)
    }

    /// The service sets an earlier deadline for the request.
    func limit(to time: NIODeadline) {
        machine.limit(to: MonotonicTime(nanoseconds: Int64(clamping: time.uptimeNanoseconds)))
    }

    private func writeContinue() {
        prepareOutgoing()
        outgoing.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        markDirty()
    }
}
