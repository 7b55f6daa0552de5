import Foundation
import SwerveONNX
import TestSupport
import Testing

@Suite("Finding ONNX Runtime")
struct ONNXRuntimeTests {
    /// Makes a folder with empty files, and removes it at the end.
    private func withFiles<Result>(_ files: [String], _ body: (String) throws -> Result) throws -> Result {
        let root = FileManager.default.temporaryDirectory.appending(path: "swerve-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for file in files {
            let url = root.appending(path: file)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data().write(to: url)
        }
        return try body(root.path)
    }

    @Test("The library in .venv is found, listed and loaded once")
    func loads() throws {
        let runtime = try Golden.runtime()
        #expect(runtime.path.contains(".venv/lib/python3"))
        #expect(runtime.version.hasPrefix("1."))
        #expect(runtime.providerNames.contains("CPUExecutionProvider"))
        #expect(try Golden.runtime() === runtime)
    }

    @Test("Its telemetry is switched off")
    func telemetry() throws {
        _ = try Golden.runtime()
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        #expect(!files.contains { $0.contains("onnxruntime.db") })
        #expect(getenv("ORT_DISABLE_TELEMETRY").map { String(cString: $0) } == "1")
    }

    @Test("A missing library gives an error that says what was tried and what to install")
    func missing() {
        let search = ONNXLibrarySearch(environment: { $0 == "ONNXRUNTIME_LIB" ? "/nowhere/libonnxruntime.so" : nil })
        let error = #expect(throws: ONNXError.self) { try ONNXRuntime.load(search) }
        #expect(error?.code == .libraryMissing)
        #expect(error?.message.contains("  /nowhere/libonnxruntime.so: cannot open shared object file") == true)
        #expect(error?.message.contains("pip install onnxruntime") == true)
        #expect(error?.message.contains("ONNXRUNTIME_LIB") == true)
    }

    @Test("A library that is not ONNX Runtime is skipped")
    func otherLibrary() {
        let error = #expect(throws: ONNXError.self) { try ONNXRuntime.load(.init(candidates: ["libpng16.so.16"])) }
        #expect(error?.code == .libraryMissing)
        #expect(error?.message.contains("OrtGetApiBase") == true)
        #expect(throws: ONNXError.self) { try ONNXRuntime.load(.init(candidates: [])) }
    }

    @Test("ONNXRUNTIME_LIB may name a folder, which is then the only one searched")
    func folder() throws {
        let files = ["wheel/onnxruntime/capi/libonnxruntime.so.1.32.0", "wheel/onnxruntime/capi/other.so"]
        try withFiles(files) { root in
            let search = ONNXLibrarySearch(environment: { $0 == "ONNXRUNTIME_LIB" ? root + "/wheel" : nil })
            #expect(search.candidates == [root + "/wheel/onnxruntime/capi/libonnxruntime.so.1.32.0"])
        }
    }

    @Test("VIRTUAL_ENV comes first, then .venv in the working directory and its parents, then the home directory")
    func order() throws {
        func wheel(_ root: String) -> String {
            "\(root)/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1"
        }
        let roots = ["env", "a/b/.venv", "a/.venv", "home/.local"]
        try withFiles(roots.map(wheel)) { root in
            let variables = ["VIRTUAL_ENV": root + "/env", "HOME": root + "/home"]
            let search = ONNXLibrarySearch(environment: { variables[$0] }, workingDirectory: root + "/a/b/c")
            #expect(search.candidates.filter { $0.hasPrefix(root) } == roots.map { wheel("\(root)/\($0)") })
            #expect(search.candidates.last == "libonnxruntime.so" || search.candidates.last?.hasSuffix("dylib") == true)
        }
    }

    @Test("OpenVINO is looked for in the same places, under its own names")
    func openVINO() throws {
        let library = ".venv/lib/python3.12/site-packages/openvino/libs/libopenvino_c.so.2641"
        let others = [".venv/lib/python3.12/site-packages/openvino/libs/libopenvino.so.2641", "lib/libopenvino_c.so"]
        try withFiles([library] + others) { root in
            let found = ONNXLibrarySearch.openVINO(environment: { _ in nil }, workingDirectory: root + "/a").candidates
            #expect(found.filter { $0.hasPrefix(root) } == ["\(root)/\(library)"])
            let folder = ONNXLibrarySearch.openVINO(environment: { $0 == "OPENVINO_LIB" ? root : nil })
            #expect(folder.candidates == [root + "/lib/libopenvino_c.so"])
        }
    }
}
