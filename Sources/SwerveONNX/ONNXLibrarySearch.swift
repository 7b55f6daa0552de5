internal import SwerveSystem

/// Where to look for the ONNX Runtime library.
///
/// A value, so that only ``init(environment:workingDirectory:)`` reads the environment of the process.
public struct ONNXLibrarySearch: Hashable, Sendable {
    /// Files, or bare names for the system to find, in the order to try them.
    public var candidates: [String]

    /// Tries exactly these candidates.
    public init(candidates: [String]) {
        self.candidates = candidates
    }

    /// Finds the candidates on this machine.
    ///
    /// When `ONNXRUNTIME_LIB` is set, only that file or folder is tried. Otherwise these are tried: the wheel
    /// `onnxruntime` in `VIRTUAL_ENV`, in `.venv` in the working directory and its parents, in the home directory and
    /// in the system's Python; then the library by its name; then Homebrew.
    ///
    /// - Parameters:
    ///   - environment: looks up an environment variable; the process's environment by default.
    ///   - workingDirectory: where the search for `.venv` begins; the process's working directory by default.
    public init(environment: ((String) -> String?)? = nil, workingDirectory: String? = nil) {
        let environment = environment ?? ThisProcess.environmentVariable
        if let path = environment("ONNXRUNTIME_LIB"), !path.isEmpty {
            candidates = ONNXLibrarySearch.candidates(at: path)
            return
        }
        var roots: [String] = []
        if let environment = environment("VIRTUAL_ENV") { roots.append(environment + "/lib") }
        var directory = workingDirectory ?? FileSystem.currentFolder
        while true {
            roots.append((directory == "/" ? "" : directory) + "/.venv/lib")
            guard let slash = directory.lastIndex(of: "/"), directory != "/" else { break }
            directory = slash == directory.startIndex ? "/" : String(directory[..<slash])
        }
        if let home = environment("HOME") { roots.append(home + "/.local/lib") }
        roots += ["/usr/local/lib", "/usr/lib/python3"]

        candidates = roots.flatMap(ONNXLibrarySearch.wheels(underPythonIn:)) + ONNXLibrarySearch.bareNames
        if Platform.isMacOS {
            candidates += ["/opt/homebrew/lib/libonnxruntime.dylib", "/usr/local/lib/libonnxruntime.dylib"]
        }
    }

    private static var bareNames: [String] {
        Platform.isMacOS
            ? ["libonnxruntime.dylib", "libonnxruntime.1.dylib"] : ["libonnxruntime.so.1", "libonnxruntime.so"]
    }

    private static func candidates(at path: String) -> [String] {
        guard FileSystem.isFolder(path) else { return [path] }
        let found = libraries(in: path) + libraries(in: path + "/onnxruntime/capi") + libraries(in: path + "/lib")
        // The name of a missing file makes the error say which folder was searched.
        return found.isEmpty ? [path + "/" + bareNames[0]] : found
    }

    /// The libraries in `<root>/python3*/site-packages/onnxruntime/capi`, newest Python first.
    private static func wheels(underPythonIn root: String) -> [String] {
        let pythons = FileSystem.names(in: root).filter { $0.hasPrefix("python3") || $0 == "dist-packages" }
        return pythons.reversed().flatMap { python in
            ["/site-packages", "/dist-packages", ""].flatMap {
                libraries(in: "\(root)/\(python)\($0)/onnxruntime/capi")
            }
        }
    }

    private static func libraries(in folder: String) -> [String] {
        let names = FileSystem.names(in: folder).filter {
            $0.hasPrefix("libonnxruntime.so") || ($0.hasPrefix("libonnxruntime.") && $0.hasSuffix(".dylib"))
        }
        return names.reversed().map { "\(folder)/\($0)" }
    }
}
