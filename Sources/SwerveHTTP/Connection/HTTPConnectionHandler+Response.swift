internal import NIOCore
internal import SwerveHTTPTypes

extension HTTPConnectionHandler {
    /// Content up to this size is copied behind its head, so that both leave in one write.
    private static let copiedBodyBytes = 16 << 10

    func respond(status: UInt16, headerBlock: ByteBuffer, body: ByteBuffer) {
        let length = body.readableBytes
        guard let plan = machine.responseBegins(status: status, contentLength: length) else { return failBegun() }
        writeHead(
            status: status,
            headerBlock: headerBlock,
            length: length,
            plan: plan,
            requestID: exchange?.requestID,
            added: exchange?.addedHeaders
        )
        if plan.framing != .suppressed, length > 0 {
            append(body)
            _ = machine.responseBytes(length)
        }
        finish()
    }

    func respondHead(status: UInt16, headerBlock: ByteBuffer, contentLength: Int?) {
        guard let plan = machine.responseBegins(status: status, contentLength: contentLength) else {
            return failBegun()
        }
        writeHead(
            status: status,
            headerBlock: headerBlock,
            length: contentLength,
            plan: plan,
            requestID: exchange?.requestID,
            added: exchange?.addedHeaders
        )
        if machine.isInputClosed { machine.responseMoved(now: loop.now) }
        markDirty()
    }

    func respondBody(_ bytes: ByteBuffer) -> Bool {
        let count = bytes.readableBytes
        guard count > 0 else { return isWritable }
        if machine.isInputClosed { machine.responseMoved(now: loop.now) }
        switch machine.responseBytes(count) {
        case .abort: abort()
        case .drop: break
        case .write:
            append(bytes)
            markDirty()
        case .writeChunk:
            prepareOutgoing()
            outgoing.writeString(String(count, radix: 16))
            outgoing.writeStaticString("\r\n")
            append(bytes)
            prepareOutgoing()
            outgoing.writeStaticString("\r\n")
            markDirty()
        }
        return isWritable
    }

    func respondEnd() {
        if machine.exchange?.response == .chunked {
            prepareOutgoing()
            outgoing.writeStaticString("0\r\n\r\n")
        }
        finish()
    }

    func fail(status: UInt16, message: String, retryAfter: Int?) {
        guard let plan = machine.responseBegins(status: status, contentLength: 0) else { return failBegun() }
        writeError(
            status: status,
            message: message,
            retryAfter: retryAfter,
            connection: plan.connection,
            isHead: plan.framing == .suppressed,
            requestID: exchange?.requestID,
            added: exchange?.addedHeaders
        )
        finish()
    }

    /// The service fails although its response has begun. One whose announced content is all there is whole: the client
    /// may have sent its next request.
    private func failBegun() {
        if machine.isResponseWhole { finish() } else { abort() }
    }

    /// The service gives up. Cuts the connection, so that the client does not mistake a partial response for a whole
    /// one.
    func abort() {
        endExchange(.brokenOff)
        // What was written in this tick still leaves: whole answers to earlier requests, and the beginning of this one.
        flushNow()
        cut()
    }

    func finish() {
        switch machine.responseEnds(now: loop.now) {
        case .abort: abort()
        case .next:
            endExchange()
            markDirty()
            process()
        case .close(let linger):
            endExchange()
            closeAfterFlush(linger: linger)
        }
    }

    private func endExchange(_ end: HTTPExchangeEnd = .answered) {
        guard let exchange = exchange.take() else { return }
        wholeBodyBytes = 0
        exchange.detach(end)
        spare = exchange
    }

    // MARK: - Bytes

    /// Makes `outgoing` ready for appending.
    func prepareOutgoing() {
        guard isOutgoingSent else { return }
        isOutgoingSent = false
        if outgoing.capacity > 4 * Self.copiedBodyBytes { outgoing = ByteBuffer() } else { outgoing.clear() }
    }

    /// Appends content: copies a small buffer, and passes on a larger one as it is.
    private func append(_ bytes: ByteBuffer) {
        prepareOutgoing()
        if bytes.readableBytes <= Self.copiedBodyBytes {
            outgoing.writeImmutableBuffer(bytes)
            // A service that writes small pieces must also feel back-pressure within a tick.
            if outgoing.readableBytes > 4 * Self.copiedBodyBytes { sendOutgoing(promise: nil) }
        } else {
            sendOutgoing(promise: nil)
            write(bytes)
        }
    }

    /// Writes a whole error response.
    ///
    /// - Parameter added: the exchange's added header lines.
    func writeError(
        status: UInt16,
        message: String,
        retryAfter: Int?,
        connection: HTTPConnectionMachine.ConnectionHeader,
        isHead: Bool,
        requestID: String? = nil,
        added: ByteBuffer? = nil
    ) {
        var block = ByteBuffer(staticString: "content-type: application/json\r\n")
        if let retryAfter { block.writeString("retry-after: \(retryAfter)\r\n") }
        let body = options.errorBody(status, message)
        writeHead(
            status: status,
            headerBlock: block,
            length: body.readableBytes,
            plan: .init(framing: .length(remaining: body.readableBytes), connection: connection),
            requestID: requestID,
            added: added
        )
        if !isHead { append(body) }
        markDirty()
    }

    /// Writes the status line, the service's header lines and the server's own.
    private func writeHead(
        status: UInt16,
        headerBlock: ByteBuffer,
        length: Int?,
        plan: HTTPConnectionMachine.ResponsePlan,
        requestID: String?,
        added: ByteBuffer?
    ) {
        prepareOutgoing()
        let status = (200...599).contains(status) ? status : 500
        let most =
            Self.ownHeadBytes + headerBlock.readableBytes + (added?.readableBytes ?? 0) + (requestID?.utf8.count ?? 0)
        outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { memory in
            var head = HeadWriter(memory)
            if status == 200 {
                head.write("HTTP/1.1 200 OK\r\n")
            } else {
                head.write("HTTP/1.1 ")
                head.write(decimal: Int(status))
                head.write(" ")
                head.write(HTTPStatus.phrase(of: status))
                head.write("\r\n")
            }
            headerBlock.withUnsafeReadableBytes { head.write($0) }
            added?.withUnsafeReadableBytes { head.write($0) }
            if let length, status != 204, status != 304 {
                head.write("content-length: ")
                head.write(decimal: length)
                head.write("\r\n")
            } else if plan.framing == .chunked {
                head.write("transfer-encoding: chunked\r\n")
            }
            switch plan.connection {
            case .none: break
            case .close: head.write("connection: close\r\n")
            case .keepAlive: head.write("connection: keep-alive\r\n")
            }
            if let requestID {
                head.write("x-request-id: ")
                head.write(requestID)
                head.write("\r\n")
            }
            loop.dateLine.withUnsafeBytes { head.write($0) }
            head.write("\r\n")
            return head.count
        }
    }

    /// The most bytes that a head needs besides the service's lines and the request's id.
    private static let ownHeadBytes = 384
}
