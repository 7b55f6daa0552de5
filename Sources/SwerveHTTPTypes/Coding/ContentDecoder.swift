package import NIOCore

/// Undoes the codings of one body, piece by piece, within limits. No piece is larger than ``pieceBytes``, however much
/// the data grows, so that a reader can stop in time.
package struct ContentDecoder {
    package enum Step: Hashable {
        case bytes(ByteBuffer)
        /// Everything that was fed is decoded.
        case needsMore
        case end
    }

    /// The largest piece of decoded content: 64 KiB.
    package static let pieceBytes = 64 << 10

    private struct Stage {
        let inflater: Inflater
        var input = ByteBuffer()
        var output = 0
    }

    /// The coding that the client applied last is undone first.
    private var stages: [Stage]
    private let maximumRatio: Int
    private var sentBytes = 0
    private var isOpen = true

    package init(_ decoding: ContentDecoding) {
        stages = decoding.codings.reversed().map { Stage(inflater: Inflater($0)) }
        maximumRatio = max(1, decoding.maximumRatio)
    }

    /// Adds the next bytes as they were sent; `nil` ends the content. Call it when ``next()`` needs more.
    package mutating func feed(_ bytes: ByteBuffer?) {
        guard let bytes else {
            isOpen = false
            return
        }
        guard !stages.isEmpty else { return }
        sentBytes += bytes.readableBytes
        stages[0].input = bytes
    }

    /// - Throws: ``ServeHTTPError`` with status 400 for damaged or incomplete data, 413 for data that grows too much.
    package mutating func next() throws(ServeHTTPError) -> Step {
        guard !stages.isEmpty else { return .end }
        let piece = try pull(stages.count - 1)
        if piece.readableBytes > 0 { return .bytes(piece) }
        if isOpen { return .needsMore }
        for stage in stages { try stage.inflater.checkEnd() }
        return .end
    }

    /// The next output of a stage; empty when the stages before it have nothing more for now.
    private mutating func pull(_ index: Int) throws(ServeHTTPError) -> ByteBuffer {
        while true {
            if stages[index].input.readableBytes == 0, !stages[index].inflater.hasOutputWaiting {
                guard index > 0 else { return ByteBuffer() }
                let input = try pull(index - 1)
                if input.readableBytes == 0 { return input }
                stages[index].input = input
            }
            let piece = try stages[index].inflater.inflate(&stages[index].input, most: Self.pieceBytes)
            stages[index].output += piece.readableBytes
            try checkGrowth(index)
            if piece.readableBytes > 0 { return piece }
        }
    }

    /// Every stage counts. What all but the last one produce is coded data, which hardly compresses. A stage that produced
    /// much could keep the processor busy although the last one has no output.
    private func checkGrowth(_ index: Int) throws(ServeHTTPError) {
        let isLast = index == stages.count - 1
        let ratio = isLast ? maximumRatio : min(maximumRatio, ContentDecoding.maximumInnerRatio)
        let allowed = isLast ? ContentDecoding.alwaysAllowedBytes : ContentDecoding.alwaysAllowedInnerBytes
        let output = stages[index].output
        guard output > allowed, (output - 1) / ratio >= sentBytes else { return }
        let what = isLast ? "decodes" : "has several codings, and without the outer ones it grows"
        throw ServeHTTPError(
            .contentTooLarge,
            "the request body \(what) to more than \(ratio) times the bytes that were sent"
        )
    }
}
