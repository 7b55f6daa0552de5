#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Threads of their own, for what blocks.
package enum SystemThread {
    /// Runs the body on a new thread, which ends with it. Nobody waits for that.
    package static func start(_ body: @escaping @Sendable () -> Void) throws(ErrorNumber) {
        let context = Unmanaged.passRetained(Body(body))
        let status = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { buffer in
            guard let attributes = buffer.baseAddress else { return ENOMEM }
            pthread_attr_init(attributes)
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
            // Threads on Darwin have half a megabyte of stack by default.
            pthread_attr_setstacksize(attributes, 8 << 20)
            return create(attributes, context.toOpaque())
        }
        guard status == 0 else {
            context.release()
            throw ErrorNumber(status)
        }
    }

    /// Blocks the calling thread.
    package static func sleep(seconds: Int) { systemSleep(UInt32(clamping: seconds)) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    private static func create(_ attributes: UnsafePointer<pthread_attr_t>, _ context: UnsafeMutableRawPointer) -> CInt
    {
        #if canImport(Darwin)
            var thread: pthread_t?
            return pthread_create(
                &thread,
                attributes,
                { context in
                    Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                    return nil
                },
                context
            )
        #else
            var thread: pthread_t = 0
            return pthread_create(
                &thread,
                attributes,
                { context in
                    if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                },
                context
            )
        #endif
    }
}
