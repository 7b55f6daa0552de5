internal import NIOCore
package import SwerveCore

/// Whether an answer is compressed.
package enum ResponseCompression: Hashable, Sendable {
    /// The answer is sent as it is.
    case none
    /// The answer would be compressed for another client, so caches must know that.
    case varies
    case gzip(level: Int)

    /// Decides without looking at the content. A short answer costs one comparison.
    package init(
        _ response: ServeResponse,
        to head: @autoclosure () -> HTTPRequestHead,
        _ options: DeploymentOptions.Compression
    ) {
        self = .none
        guard let minimum = options.minimumBytes else { return }
        switch response.body.storage {
        case .bytes(let bytes): if bytes.readableBytes < minimum { return }
        case .stream(let length, _): if let length, length < minimum { return }
        }
        guard Self.allows(response) else { return }
        let accepted = head().headers.values(of: "accept-encoding")
        self = Self.prefersGzip(FieldList(accepted)) ? .gzip(level: options.level) : .varies
    }

    /// Whether gzip is accepted, and not less welcome than the plain content where the client says so (RFC 9110, section
    /// 12.5.3).
    private static func prefersGzip(_ accepted: FieldList) -> Bool {
        let plain = accepted.members.first { $0.value == "identity" }?.weight ?? 0
        let named = accepted.members.filter { $0.value == "gzip" || $0.value == "x-gzip" }.map(\.weight).max()
        let weight = named ?? accepted.weight(of: "gzip") ?? 0
        return weight > 0 && weight >= plain
    }

    /// Fields that describe the bytes as they are.
    private static let binding = [
        "content-encoding", "content-range", "content-digest", "repr-digest", "digest", "content-md5",
    ]

    private static func allows(_ response: ServeResponse) -> Bool {
        switch response.status.code {
        case 204, 206, 304: return false
        default: break
        }
        let headers = response.headers
        guard let type = headers["content-type"], compresses(type), !binding.contains(where: headers.contains) else {
            return false
        }
        return !headers.values(of: "cache-control").contains { $0.lowercased().contains("no-transform") }
    }

    /// Types that compress, besides all of `text/`, `+json` and `+xml`.
    private static let types: Set<String> = [
        "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/xml",
        "application/javascript", "application/x-javascript", "application/yaml", "application/x-yaml",
        "application/toml", "application/wasm", "application/x-npy", "application/x-numpy", "image/bmp",
        "image/x-portable-pixmap", "image/x-portable-graymap",
    ]

    /// Whether content of that type is worth compressing. Server-sent events are not: they are short and their streams
    /// long, so each stream would hold an encoder's memory for little.
    static func compresses(_ contentType: String) -> Bool {
        guard let essence = MediaType(contentType)?.essence, essence != "text/event-stream" else { return false }
        return types.contains(essence) || essence.hasPrefix("text/") || essence.hasSuffix("+json")
            || essence.hasSuffix("+xml")
    }
}

extension ServeResponse {
    /// The answer to a client that accepts gzip. Compresses on the Swift pool, so that it does not hold the caller's actor.
    @concurrent package func compressed(level: Int, isHead: Bool) async -> ServeResponse {
        switch body.storage {
        case .bytes(let bytes):
            guard Self.pays(bytes, level: level) else { return varying() }
            // The length would be known only after compressing, so the answer to HEAD goes without.
            if isHead { return asGzip(.stream { _ in }) }
            if bytes.readableBytes <= Self.wholeBytes {
                return GzipEncoder.compress(bytes, level: level).map { asGzip(.bytes($0)) } ?? varying()
            }
            return asGzip(Self.stream(bytes.readableBytes, level: level) { try await Self.write(bytes, to: $0) })
        case .stream(let length, let write):
            return asGzip(isHead ? .stream { _ in } : Self.stream(length, level: level, write))
        }
    }

    /// Longer content is compressed while it is sent.
    private static let wholeBytes = 1 << 20
    /// Content longer than ``sampleBytes`` is compressed if this much of its middle saves an eighth. Arrays of numbers
    /// may save nothing, and trying all of them would take long.
    private static let sampleBytes = 64 << 10

    private static func pays(_ bytes: ByteBuffer, level: Int) -> Bool {
        guard bytes.readableBytes > 2 * sampleBytes else { return true }
        let middle = bytes.readerIndex + (bytes.readableBytes - sampleBytes) / 2
        guard let sample = bytes.getSlice(at: middle, length: sampleBytes),
            let compressed = GzipEncoder.compress(sample, level: level)
        else { return false }
        return compressed.readableBytes <= sampleBytes / 8 * 7
    }

    private static func stream(
        _ length: Int?,
        level: Int,
        _ write: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) -> Body {
        .stream { writer in
            let body = CompressedBody(level: level, announced: length, to: writer)
            try await write(HTTPBodyWriter(body))
            try await body.finish()
        }
    }

    private static func write(_ bytes: ByteBuffer, to writer: HTTPBodyWriter) async throws {
        var rest = bytes
        while let part = rest.readSlice(length: min(rest.readableBytes, 4 * sampleBytes)), part.readableBytes > 0 {
            try await writer.write(part)
        }
    }

    /// The answer that would be compressed for another client.
    package func varying() -> ServeResponse { varying(by: "accept-encoding") }

    private func asGzip(_ body: Body) -> ServeResponse {
        var copy = varying()
        copy.body = body
        copy.headers["content-encoding"] = "gzip"
        // A range of the compressed bytes cannot be asked for, and other bytes need another strong tag (RFC 9110, 8.8).
        copy.headers.remove("accept-ranges")
        if let tag = headers["etag"], !tag.hasPrefix("W/") { copy.headers["etag"] = "W/\(tag)" }
        return copy
    }
}
