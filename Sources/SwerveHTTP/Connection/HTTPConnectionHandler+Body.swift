internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

/// The content of requests: collected, or handed over as it arrives.
extension HTTPConnectionHandler {
    func collect() -> Bool {
        guard case .length(let remaining) = body else { return false }
        let count = min(remaining, pending.readableBytes)
        guard count > 0, let part = pending.readSlice(length: count) else {
            if machine.isInputClosed { cut() }
            return false
        }
        var left = remaining - count
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
        left -= readRest(left)
        body = .length(remaining: left)
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
    func stream() -> Bool {
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

    /// Whether the rest of a streamed request can never arrive. This finds out at once, even while the service holds
    /// back content and would not reach the end for a long time.
    var isCutShort: Bool {
        guard machine.isInputClosed, let exchange = machine.exchange, !exchange.isRequestComplete else { return false }
        switch body {
        case .none: return false
        case .length(let remaining): return pending.readableBytes < remaining
        case .chunked(var decoder):
            var rest = pending
            // Malformed content is refused when its turn comes.
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
