internal import COpenVINO

// Owners of C objects, and the only place where pointers cross threads. OpenVINO allows calls from any thread; what it
// does not allow is prevented: the C code compiles one model at a time, and a request belongs to one run at a time.

/// A loaded library; it is never unloaded.
final class OpenVINOLibraryHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }
}

/// A model that was read.
final class OpenVINOModelHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        openvino_model_close(pointer)
    }
}

/// A compiled model.
final class OpenVINOCompiledHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        openvino_compiled_close(pointer)
    }
}

/// The memory of one run at a time.
final class OpenVINORequestHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        openvino_request_close(pointer)
    }
}
