/// How large the parts of a request may be. A request over a limit is refused with the status named there.
package struct HTTPLimits: Hashable, Sendable {
    /// The request line and all header lines together; 64 KiB by default, more is 431.
    package var maxHeadBytes = 64 << 10
    /// The target on the request line; 8 KiB by default, more is 414.
    package var maxTargetBytes = 8 << 10
    /// The number of header lines, and likewise of trailer lines; 100 by default, more is 431.
    package var maxHeaderCount = 100
    /// A request's content, without the framing; 512 MiB by default, more is 413.
    package var maxBodyBytes = 512 << 20
    /// The line before a chunk, with its extensions; 256 bytes by default, more is 400.
    package var maxChunkLineBytes = 256
    /// All trailer lines of a chunked request together; 8 KiB by default, more is 431.
    package var maxTrailerBytes = 8 << 10

    /// A longer method is refused with 501.
    package static let maxMethodBytes = 32
    /// How far the framing of a chunked request may exceed its allowance of 16 bytes and twice the content for each
    /// chunk; more is 400. Otherwise a client could make the server read chunks of one byte with long extensions for
    /// ever.
    package static let maxChunkOverhead = 16 << 10

    package init() {}
}
