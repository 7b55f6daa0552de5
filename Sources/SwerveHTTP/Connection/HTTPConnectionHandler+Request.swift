internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

extension HTTPConnectionHandler {
    /// Takes as many requests off the pending bytes as can be begun. A service that answers at once does not recurse:
    /// the loop here goes on with the next request.
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

    /// A buffer with less than this to spare is not worth a copy.
    private static let slack = 64 << 10

    /// Lets go of the read buffer, so that the channel can use it again; a small rest gets memory of its own.
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
        // A client that takes no responses gets no further requests answered.
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

    /// The next request needs more bytes than there are.
    private func inputMayBeOver() -> Bool {
        if machine.isInputClosed {
            closeAfterFlush(linger: false)
        } else if machine.isDraining, machine.phase == .idle {
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
        switch machine.headEnded(parsed, buffered: pending.readableBytes, now: loop.now) {
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
            collected = ByteBufferAllocator().buffer(capacity: min(length, 1 << 16))
            if parsed.expectsContinue, pending.readableBytes == 0 { writeContinue() }
        case .stream:
            startStream(parsed, head: head)
        }
    }

    private func startStream(_ parsed: HTTPParsedHead, head: HTTPRequestHead) {
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

    /// Hands over a chunked request whole when all of it has come and is small.
    private func beginIfWhole(_ head: HTTPRequestHead) -> Bool {
        guard case .chunked(var decoder) = body, pending.readableBytes <= options.inlineBodyBytes else { return false }
        var rest = pending
        var whole = ByteBuffer()
        while true {
            // What is malformed is found again, and refused, when the body is streamed.
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

    private func begin(_ head: HTTPRequestHead, body: ByteBuffer?) {
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

    private func writeContinue() {
        prepareOutgoing()
        outgoing.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        markDirty()
    }

    // MARK: - Bodies

    private func collect() -> Bool {
        guard case .length(let remaining) = body else { return false }
        let count = min(remaining, pending.readableBytes)
        guard count > 0, let part = pending.readSlice(length: count) else {
            if machine.isInputClosed { cut() }
            return false
        }
        let left = remaining - count
        machine.bodyCame(count, now: loop.now)
        body = .length(remaining: left)
        if let id = shedRequestID {
            guard left == 0 else { return true }
            shedRequestID = nil
            body = .none
            machine.collected()
            answerShed(id)
            return true
        }
        collected.writeImmutableBuffer(part)
        updateCharge()
        if left > 0, isCollectedTooMuch {
            refuseForMemory(isHead: false, requestID: collectedHead?.requestID)
            return false
        }
        guard left == 0, let head = collectedHead.take() else { return true }
        let whole = collected
        collected = ByteBuffer()
        body = .none
        machine.collected()
        begin(head, body: whole)
        return true
    }

    /// Hands the service the next part of a streamed body. Returns whether there may be another.
    private func stream() -> Bool {
        machine.narrows(loop.budget.isUsedUp, now: loop.now)
        let window = machine.window
        guard window > 0 else { return false }
        do throws(HTTPParseError) {
            switch try nextPart(upTo: window) {
            case .bytes(let bytes):
                machine.delivered(bytes.readableBytes, now: loop.now)
                if let delegate = exchange?.delegate {
                    delegate.requestBody(bytes.withoutWaste())
                } else {
                    // The service does not want the content.
                    machine.consumed(bytes.readableBytes, now: loop.now)
                }
                return true
            case .end:
                body = .none
                machine.requestEnded()
                exchange?.delegate?.requestBodyEnd()
                return true
            case .needsMore:
                if machine.isInputClosed { clientLeft() }
                return false
            }
        } catch {
            failExchange(.invalidRequest, status: error.status, message: error.message)
            return false
        }
    }

    private func nextPart(upTo window: Int) throws(HTTPParseError) -> HTTPBodyPart {
        switch body {
        case .none: return .end
        case .chunked(var decoder):
            let part = try decoder.next(&pending, upTo: window)
            body = .chunked(decoder)
            return part
        case .length(let remaining):
            if remaining == 0 { return .end }
            let count = min(remaining, min(window, pending.readableBytes))
            guard count > 0, let part = pending.readSlice(length: count) else { return .needsMore }
            body = .length(remaining: remaining - count)
            return .bytes(part)
        }
    }

    /// Whether the rest of a streamed request can never come. It is found at once although the service holds back what
    /// has come, and will not be told of it for long.
    var isCutShort: Bool {
        guard machine.isInputClosed, let exchange = machine.exchange, !exchange.isRequestComplete else { return false }
        switch body {
        case .none: return false
        case .length(let remaining): return pending.readableBytes < remaining
        case .chunked(var decoder):
            var rest = pending
            // What is malformed is found, and refused, when its turn comes.
            while let part = try? decoder.next(&rest) {
                switch part {
                case .bytes: continue
                case .end: return false
                case .needsMore: return true
                }
            }
            return false
        }
    }

    func clientLeft() {
        cancel(.clientGone)
        cut()
    }

    func consumedRequestBody(_ bytes: Int) {
        machine.consumed(bytes, now: loop.now)
        process()
    }
}
