internal import NIOCore

/// Content that is read straight to where others read it, too.
extension HTTPConnectionHandler {
    /// Room for a whole content is made after this many bytes of it: its announced length alone is only a claim.
    private static let provenBytes = 8 << 10

    /// Called before the handler is added to its channel.
    func readInPlace(from channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        let reading = ContentReading()
        try options.setOption(.recvAllocator, value: reading.makeBuffers())
        self.reading = reading
    }

    /// Content of this length is collected from here on.
    func beginCollecting(_ length: Int) {
        collected = ByteBuffer()
        place = reading == nil ? .ordinary : .undecided
        if pending.readableBytes >= Self.provenBytes { choosePlace(length) }
        if place != .shared { collected = ByteBufferAllocator().buffer(capacity: min(length, 1 << 16)) }
    }

    private func choosePlace(_ length: Int) {
        guard place == .undecided else { return }
        place = .ordinary
        if var shared = options.contentBuffer?(length) {
            shared.writeImmutableBuffer(collected)
            collected = shared
            place = .shared
        }
        reading?.set(inPlace: place == .shared)
    }

    /// Reads what the socket has of the rest of the content, if the content lies where it stays.
    ///
    /// - Returns: how many bytes that were.
    func readRest(_ rest: Int) -> Int {
        if collected.readableBytes >= Self.provenBytes { choosePlace(collected.readableBytes + rest) }
        guard place == .shared, rest > 0, let channel = context?.channel, channel.isActive,
            let socket = UnsentBytes.socket(of: channel, &descriptor)
        else { return 0 }
        let count = ContentReading.read(socket, upTo: rest, into: &collected)
        if count > 0 { machine.bodyCame(count, now: loop.now) }
        return count
    }
}
