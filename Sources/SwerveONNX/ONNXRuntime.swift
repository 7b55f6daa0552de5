internal import CONNXRuntime
internal import Synchronization

/// The ONNX Runtime library, found at run time.
///
/// It stays loaded until the process exits. Loading the same file again returns the same object.
public final class ONNXRuntime: Sendable {
    private static let loaded = Mutex<[String: ONNXRuntime]>([:])

    /// The file, or the bare name by which the system found it.
    public let path: String
    /// The version, for example `1.32.0`.
    public let version: String
    /// The execution providers in this build, by ONNX Runtime's names such as `CPUExecutionProvider`.
    public let providerNames: [String]

    let handle: LibraryHandle

    private init(path: String) throws {
        var library: OpaquePointer?
        var error = onnxrt_error()
        guard onnxrt_library_open(path, &library, &error), let library else {
            throw ONNXError(.libraryMissing, error.text)
        }
        self.path = path
        version = String(cString: onnxrt_library_version(library))
        handle = LibraryHandle(library)
        var names: [String] = []
        let isListed = withUnsafeMutablePointer(to: &names) { names in
            onnxrt_library_providers(
                library,
                { context, name in
                    guard let context, let name else { return }
                    context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
                },
                names,
                &error
            )
        }
        guard isListed else { throw ONNXError(.libraryMissing, error.text) }
        providerNames = names
    }

    /// Loads the first candidate that exists and can be used.
    ///
    /// This takes about 20 ms the first time.
    ///
    /// - Parameter search: where to look; by default, derived from the environment of the process.
    /// - Throws: ``ONNXError`` with code `libraryMissing`, listing what was tried and how to install the library.
    public static func load(_ search: ONNXLibrarySearch = ONNXLibrarySearch()) throws -> ONNXRuntime {
        try loaded.withLock { loaded in
            try search.first(
                of: &loaded,
                advice: """
                    no ONNX Runtime library can be loaded. Install it with `pip install onnxruntime` (for example in \
                    `.venv`; macOS also: `brew install onnxruntime`), or set ONNXRUNTIME_LIB to libonnxruntime.so or its \
                    folder.
                    """,
                load: ONNXRuntime.init
            )
        }
    }
}
