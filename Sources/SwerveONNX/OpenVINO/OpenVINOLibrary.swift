internal import COpenVINO
internal import Synchronization

/// The OpenVINO library, found at run time.
///
/// It stays loaded until the process exits. Loading the same file again returns the same object.
package final class OpenVINOLibrary: Sendable {
    private static let loaded = Mutex<[String: OpenVINOLibrary]>([:])

    /// The file, or the bare name by which the system found it.
    package let path: String
    /// The version with the build, for example `2026.4.1-22085-abc`.
    package let version: String
    /// What the CPU can compute, in OpenVINO's words, such as `FP32` and `BF16`.
    package let capabilities: Set<String>

    let handle: OpenVINOLibraryHandle

    private init(path: String) throws {
        var library: OpaquePointer?
        var error = openvino_error()
        guard openvino_library_open(path, &library, &error), let library else {
            throw ONNXError(.libraryMissing, error.text)
        }
        self.path = path
        version = String(cString: openvino_library_version(library))
        let words = String(cString: openvino_library_capabilities(library)).split { $0 == " " || $0 == "," }
        capabilities = Set(words.map(String.init))
        handle = OpenVINOLibraryHandle(library)
    }

    /// Loads the first candidate that exists and can be used.
    ///
    /// - Parameter search: where to look; by default, derived from the environment of the process.
    /// - Throws: ``ONNXError`` with code `libraryMissing`, listing what was tried and how to install the library.
    package static func load(_ search: ONNXLibrarySearch = .openVINO()) throws -> OpenVINOLibrary {
        try loaded.withLock { loaded in
            try search.first(
                of: &loaded,
                advice: """
                    no OpenVINO library can be loaded. Install it with `pip install openvino` (for example in `.venv`), or \
                    set OPENVINO_LIB to libopenvino_c.so or its folder.
                    """,
                load: OpenVINOLibrary.init
            )
        }
    }

    /// - Throws: ``ONNXError`` with code `providerUnavailable` when this machine cannot compute in a precision.
    package func check(_ precision: String?, cpuInfo: String? = Files.text("/proc/cpuinfo")) throws {
        guard precision == ONNXProvider.OpenVINOPrecision.bf16.name else { return }
        // OpenVINO also lists it for processors where it imitates it.
        guard capabilities.contains("BF16"), cpuInfo.map(OpenVINOLibrary.computesBF16) ?? true else {
            throw ONNXError(
                .providerUnavailable,
                "this processor does not compute in bf16 (OpenVINO \(version); it needs avx512_bf16 or amx_bf16)"
            )
        }
    }

    /// Whether a processor has instructions for bf16.
    ///
    /// - Parameter cpuInfo: the content of `/proc/cpuinfo`.
    package static func computesBF16(cpuInfo: String) -> Bool {
        let instructions: Set<Substring> = ["avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"]
        return cpuInfo.split(separator: "\n").contains { line in
            guard line.hasPrefix("flags") || line.hasPrefix("Features") else { return false }
            return line.split { $0.isWhitespace }.contains { instructions.contains($0) }
        }
    }
}

extension openvino_error {
    /// The text that a C function filled in, without the places in OpenVINO's sources.
    var text: String {
        let text = withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("Exception from ") }
        return lines.isEmpty ? text : lines.joined(separator: " ")
    }
}
