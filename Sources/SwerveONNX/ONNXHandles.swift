internal import CONNXRuntime
internal import SwerveSystem
internal import Synchronization

// Owners of C objects, and the only place where pointers cross threads: ONNX Runtime allows every call made through
// them from any thread.

/// A loaded library; it is never unloaded.
final class LibraryHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }
}

/// A session, closed when it is no longer used.
final class SessionHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer
    let library: LibraryHandle
    /// Keeps the converted model in the cache while the session lives; nil for a session with its own weights.
    private let lease: LockedFile?

    init(_ pointer: OpaquePointer, library: LibraryHandle, lease: LockedFile? = nil) {
        self.pointer = pointer
        self.library = library
        self.lease = lease
    }

    deinit {
        onnxrt_session_close(pointer)
    }
}

/// One run, which another thread can stop.
final class RunHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer
    private let library: LibraryHandle
    private let wasTerminated = Atomic(false)

    /// - Throws: ``ONNXError`` with code `outOfResources`.
    init(library: LibraryHandle) throws {
        var error = onnxrt_error()
        var run: OpaquePointer?
        guard onnxrt_run_make(library.pointer, &run, &error), let run else {
            throw ONNXError(.outOfResources, error.text)
        }
        pointer = run
        self.library = library
    }

    deinit {
        onnxrt_run_release(library.pointer, pointer)
    }

    var isTerminated: Bool { wasTerminated.load(ordering: .acquiring) }

    /// Makes the run end with an error after the current operator.
    func terminate() {
        wasTerminated.store(true, ordering: .releasing)
        onnxrt_run_terminate(library.pointer, pointer)
    }
}
