import Foundation
import Testing

/// The `huggingface_hub` in `.venv`.
enum Python {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let interpreter = root.appending(path: ".venv/bin/python").path

    /// Whether `huggingface_hub` is installed. Without it the Python tests are skipped; `dev/setup.sh test` installs
    /// it.
    static let isInstalled: Bool = {
        let library = root.appending(path: ".venv/lib")
        let pythons = (try? FileManager.default.contentsOfDirectory(atPath: library.path)) ?? []
        return pythons.contains { python in
            FileManager.default.fileExists(
                atPath: library.path + "/\(python)/site-packages/huggingface_hub/__init__.py"
            )
        }
    }()

    /// Runs a script and returns what it prints.
    static func run(_ script: String, _ world: World, _ environment: [String: String] = [:]) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: interpreter)
        process.arguments = ["-c", "from huggingface_hub import *\nimport os, json\n" + script]
        // Ignores this machine's settings and uses no proxy for the loopback interface.
        var variables = [
            "HF_ENDPOINT": world.address, "HF_HUB_CACHE": world.folder, "HF_HOME": world.folder + "/.home",
        ]
        variables["HF_HUB_DISABLE_TELEMETRY"] = "1"
        variables["HF_HUB_DISABLE_XET"] = "1"
        // However slow this machine is: otherwise Python asks again after 10 seconds.
        variables["HF_HUB_DOWNLOAD_TIMEOUT"] = "600"
        variables["HF_HUB_ETAG_TIMEOUT"] = "600"
        variables["PATH"] = ProcessInfo.processInfo.environment["PATH"]
        process.environment = variables.merging(environment) { $1 }
        let output = world.folder + ".out"
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: output) }
        let handle = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardOutput = handle
        process.standardError = handle
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        let text = String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
        #expect(process.terminationStatus == 0, "\(text)")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
