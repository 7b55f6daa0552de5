package import NIOCore
package import SwerveCore

extension HTTPResponse {
    /// Writes the head for another process: the status (`UInt16`), the length of the header block (`UInt32`), and the
    /// block as it goes on the wire.
    ///
    /// - Throws: ``HTTPHeaderError`` for a header that must not go on the wire; `buffer` is as before then.
    package func encodeHead(into buffer: inout ByteBuffer) throws(HTTPHeaderError) {
        let start = buffer.writerIndex
        buffer.writeInteger((200...599).contains(status.code) ? status.code : 500)
        buffer.writeInteger(0, as: UInt32.self)
        do {
            try headers.encodeBlock(into: &buffer)
        } catch {
            buffer.moveWriterIndex(to: start)
            throw error
        }
        buffer.setInteger(UInt32(buffer.writerIndex - start - 6), at: start + 2)
    }

    /// Reads what ``encodeHead(into:)`` wrote; the block shares `buffer`'s memory.
    ///
    /// - Throws: ``ServeError`` with code `protocolViolation` when the bytes are not a whole head.
    package static func decodeHead(
        from buffer: inout ByteBuffer
    ) throws(ServeError) -> (status: UInt16, headerBlock: ByteBuffer) {
        guard let (status, length) = buffer.readMultipleIntegers(as: (UInt16, UInt32).self),
            (200...599).contains(status), let block = buffer.readSlice(length: Int(length))
        else { throw ServeError(.protocolViolation, "the head of an HTTP response is cut short") }
        return (status, block)
    }
}
