internal import CZlib
internal import NIOCore

extension UnsafeMutablePointer<z_stream> {
    /// Lets zlib take some input and write at most `room` bytes.
    ///
    /// - Parameter call: calls `inflate` or `deflate`; it is told whether zlib sees all of the input.
    /// - Returns: the status of the call.
    func step(
        _ input: inout ByteBuffer,
        _ output: inout ByteBuffer,
        room: Int,
        _ call: (_ hasAll: Bool) -> Int32
    ) -> Int32 {
        let room = Int(uInt(clamping: room))
        var status = Z_OK
        input.readWithUnsafeReadableBytes { source in
            // zlib does not write to its input, though the type of the pointer allows it.
            pointee.next_in = UnsafeMutablePointer<Bytef>(
                mutating: source.assumingMemoryBound(to: Bytef.self).baseAddress
            )
            pointee.avail_in = uInt(clamping: source.count)
            let given = Int(pointee.avail_in)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
                pointee.next_out = memory.baseAddress?.assumingMemoryBound(to: Bytef.self)
                pointee.avail_out = uInt(room)
                status = call(given == source.count)
                return room - Int(pointee.avail_out)
            }
            return given - Int(pointee.avail_in)
        }
        pointee.next_in = nil
        pointee.next_out = nil
        return status
    }
}
