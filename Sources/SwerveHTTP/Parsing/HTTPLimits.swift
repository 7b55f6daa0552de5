/// How large the parts of a request may be. Each limit has a status with which one more byte is refused.
package struct HTTPLimits: Hashable, Sendable {
    /// The request line and all header lines together; 64 KiB by default, more is 431.
    package var maxHeadBytes = 64 << 10
    /// The target on the request line; 8 KiB by default, more is 414.
    package var maxTargetBytes = 8 << 10
    /// How many header lines, and how many trailer lines; 100 by default, more is 431.
    package var maxHeaderCount = 100
    /// A request's content, without the framing; 512 MiB by default, more is 413.
    package var maxBodyBytes = 512 << 20
    /// The line in front of a chunk, extensions included; 256 bytes by default, more is 400.
    package var maxChunkLineBytes = 256
    /// All trailer lines of a chunked request together; 8 KiB by default, more is 431.
    package var maxTrailerBytes = 8 << 10

    /// A method longer than this is 501.
    package static let maxMethodBytes = 32
    /// The framing of a chunked request may be this much larger than its content; more is 400. It keeps a client from
    /// making the server read chunks of one byte with long extensions for ever.
    package static let maxChunkOverhead = 16 << 10

    package init() {}
}
