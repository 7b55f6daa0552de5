internal import SwerveSystem

/// Where to look for the library of ONNX Runtime or OpenVINO.
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
        self.init(.onnxRuntime, environment, workingDirectory)
    }

    /// Finds the candidates for OpenVINO's C library, `libopenvino_c`, on this machine.
    ///
    /// When `OPENVINO_LIB` is set, only that file or folder is tried. Otherwise the wheel `openvino` is looked for in the
    /// places of ``init(environment:workingDirectory:)``.
    public static func openVINO(
        environment: ((String) -> String?)? = nil,
        workingDirectory: String? = nil
    ) -> ONNXLibrarySearch {
        ONNXLibrarySearch(.openVINO, environment, workingDirectory)
    }

    private init(_ library: Library, _ environment: ((String) -> String?)?, _ workingDirectory: String?) {
        let environment = environment ?? ThisProcess.environmentVariable
        if let path = environment(library.variable), !path.isEmpty {
            candidates = library.candidates(at: path)
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
        candidates = roots.flatMap(library.wheels(underPythonIn:)) + library.bareNames
        if Platform.isMacOS {
            candidates += ["/opt/homebrew/lib/\(library.stem).dylib", "/usr/local/lib/\(library.stem).dylib"]
        }
    }

    /// Loads the first candidate that can be used, or returns the one that was loaded before.
    ///
    /// - Parameters:
    ///   - loaded: the libraries by their paths.
    ///   - advice: the first lines of the error; the attempts follow.
    ///   - load: loads a library from a path.
    /// - Throws: ``ONNXError`` with code `libraryMissing`.
    func first<Loaded>(
        of loaded: inout [String: Loaded],
        advice: String,
        load: (String) throws -> Loaded
    ) throws -> Loaded {
        var failures: [String] = []
        for path in candidates {
            if let library = loaded[path] { return library }
            do {
                let library = try load(path)
                loaded[path] = library
                return library
            } catch let error as ONNXError {
                // The loader repeats the path in its own messages.
                let prefix = "\(path): "
                let reason =
                    error.message.hasPrefix(prefix) ? error.message.dropFirst(prefix.count) : error.message[...]
                failures.append("  \(prefix)\(reason)")
            }
        }
        let attempts = failures.isEmpty ? "  nothing" : failures.joined(separator: "\n")
        throw ONNXError(.libraryMissing, "\(advice) Tried:\n\(attempts)")
    }
}

/// What the search for a library looks for.
private struct Library {
    /// The environment variable that names its file or folder.
    let variable: String
    /// The file name without its suffixes.
    let stem: String
    /// The folder in a wheel that holds it.
    let wheelFolder: String
    /// The names by which the system may find it.
    let bareNames: [String]

    static let onnxRuntime = Library(
        variable: "ONNXRUNTIME_LIB",
        stem: "libonnxruntime",
        wheelFolder: "onnxruntime/capi",
        bareNames: Platform.isMacOS
            ? ["libonnxruntime.dylib", "libonnxruntime.1.dylib"] : ["libonnxruntime.so.1", "libonnxruntime.so"]
    )
    static let openVINO = Library(
        variable: "OPENVINO_LIB",
        stem: "libopenvino_c",
        wheelFolder: "openvino/libs",
        bareNames: Platform.isMacOS ? ["libopenvino_c.dylib"] : ["libopenvino_c.so"]
    )

    func candidates(at path: String) -> [String] {
        guard FileSystem.isFolder(path) else { return [path] }
        let found = libraries(in: path) + libraries(in: "\(path)/\(wheelFolder)") + libraries(in: path + "/lib")
        // The name of a missing file makes the error say which folder was searched.
        return found.isEmpty ? [path + "/" + bareNames[0]] : found
    }

    /// The libraries in the wheel's folder in `<root>/python3*/site-packages`, newest Python first.
    func wheels(underPythonIn root: String) -> [String] {
        let pythons = FileSystem.names(in: root).filter { $0.hasPrefix("python3") || $0 == "dist-packages" }
        return pythons.reversed().flatMap { python in
            ["/site-packages", "/dist-packages", ""].flatMap { libraries(in: "\(root)/\(python)\($0)/\(wheelFolder)") }
        }
    }

    private func libraries(in folder: String) -> [String] {
        let names = FileSystem.names(in: folder).filter {
            $0.hasPrefix("\(stem).so") || ($0.hasPrefix("\(stem).") && $0.hasSuffix(".dylib"))
        }
        return names.reversed().map { "\(folder)/\($0)" }
    }
}
