internal import NIOCore
internal import SwerveHTTPTypes

/// Reports what the connection holds to the server's budget.
extension HTTPConnectionHandler {
    /// A connection that holds no more than this is not counted, so that small requests touch no shared counter.
    private static let freeBytes = 16 << 10
    /// The channel is asked what it still holds after this many written bytes.
    private static let measuredBytes = 64 << 10
    /// A refused request with at most this much content is read to its end, and the connection is kept.
    private static let skippedBytes = 64 << 10

    /// Tells the budget when the connection holds more or less than before.
    @inline(__always)
    func updateCharge() {
        let held =
            pending.readableBytes &+ collected.readableBytes &+ wholeBodyBytes &+ machine.outstanding &+ bufferedBytes
        let charge = held > Self.freeBytes ? held : 0
        if charge != chargedBytes { setCharge(charge) }
    }

    private func setCharge(_ charge: Int) {
        loop.budget.change(by: charge - chargedBytes)
        chargedBytes = charge
    }

    /// Measures how many response bytes the system has not taken, if there may be many.
    @inline(__always)
    func measureAfterWriting() {
        if bufferedBytes > 0 || writtenBytes &- measuredAt >= Self.measuredBytes { measure() }
    }

    func measure() {
        measuredAt = writtenBytes
        bufferedBytes = 0
        if let context, let buffered = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes) {
            bufferedBytes = buffered
        }
        updateCharge()
    }

    /// The connection no longer holds anything.
    func dropCharge() {
        bufferedBytes = 0
        wholeBodyBytes = 0
        setCharge(0)
    }

    // MARK: - When the budget is used up

    /// Whether the budget has no room for the content being collected.
    var isCollectedTooMuch: Bool { chargedBytes > 0 && loop.budget.isUsedUp }

    /// Refuses a request with content. Skips small content first, so that the connection can be kept.
    func shed(_ parsed: HTTPParsedHead, requestID: String) {
        let isWaiting = parsed.expectsContinue && pending.readableBytes == 0
        guard case .length(let length) = parsed.framing, !isWaiting,
            length <= min(Self.skippedBytes, options.inlineBodyBytes)
        else {
            return refuseForMemory(isHead: parsed.isHead, requestID: requestID)
        }
        _ = machine.headEnded(parsed, buffered: pending.readableBytes, now: loop.now)
        body = .length(remaining: length)
        shedRequestID = requestID
    }

    func refuseForMemory(isHead: Bool, requestID: String?) {
        refuse(status: 503, message: Self.fullMessage, retryAfter: 1, isHead: isHead, requestID: requestID)
    }

    /// Answers a refused request whose content has been skipped.
    func answerShed(_ requestID: String) {
        guard let plan = machine.responseBegins(status: 503, contentLength: 0) else { return }
        writeError(
            status: 503,
            message: Self.fullMessage,
            retryAfter: 1,
            connection: plan.connection,
            isHead: plan.framing == .suppressed,
            requestID: requestID
        )
        finish()
    }

    private static let fullMessage = "the server has no memory left for this request"
}
