internal import NIOCore
internal import SwerveHTTPTypes

/// Writes the elements of a stream into the body of an HTTP response. Several tasks may write.
///
/// `append` is called for one element at a time, with the writer's lock held.
final class ElementSink<Element: Codable & Sendable>: @unchecked Sendable {
    private let writer: HTTPBodyWriter
    private let append: (Element, inout ByteBuffer) throws -> Void

    init(_ writer: HTTPBodyWriter, _ append: @escaping (Element, inout ByteBuffer) throws -> Void) {
        self.writer = writer
        self.append = append
    }

    /// - Throws: `CancellationError` when the client is gone or the task is cancelled; what the element's encoding
    ///   throws.
    func write(_ element: Element) async throws {
        try await writer.append { try append(element, &$0) }
    }
}
