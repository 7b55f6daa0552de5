import Foundation
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite("The cache of shared weights", .timeLimit(.minutes(5)))
struct SharedWeightsTests {
    private static func options(_ cache: String, _ entries: [String: String] = [:]) -> ONNXSessionOptions {
        ONNXSessionOptions(intraOpThreads: 1, weights: .shared, cacheFolder: cache, configuration: entries)
    }

    private func open(_ path: String, _ options: ONNXSessionOptions) throws -> ONNXSession {
        try ONNXSession(.path(path), runtime: Golden.runtime(), options: options)
    }

    private static func outputs(_ session: ONNXSession) async throws -> [Float] {
        let inputs = try Golden.values("in", of: "layers")
        return try await session.run(values: inputs)["y"]?.tensor?.values(as: Float.self) ?? []
    }

    /// The largest difference from the golden outputs.
    private static func error(_ session: ONNXSession) async throws -> Float {
        let expected = try Golden.values("out", of: "layers")["y"]?.tensor?.values(as: Float.self) ?? []
        let found = try await outputs(session)
        return found.count == expected.count ? zip(found, expected).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    /// The folders of converted models, also unfinished ones.
    private func models(_ cache: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache + "/models").sorted()
    }

    @Test("A process that is killed after any step of a conversion leaves nothing that is used by mistake")
    func killed() async throws {
        let path = try Golden.model("layers")
        for step in CachedFiles.Step.allCases {
            try await withTemporaryFolder { cache in
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [step = step as CachedFiles.Step, path = path as String, cache = cache as String] in
                    let options = SharedWeightsTests.options(cache)
                    _ = try ONNXSharedWeights(path: path, runtime: Golden.runtime(), options: options).prepare {
                        if $0 == step { kill(getpid(), SIGKILL) }
                    }
                }
                let left = try models(cache)
                #expect(left.count == 1)
                #expect(left[0].hasPrefix("partial.") == (step != .published))

                var steps: [CachedFiles.Step] = []
                let options = Self.options(cache)
                _ = try ONNXSharedWeights(path: path, runtime: Golden.runtime(), options: options).prepare {
                    steps.append($0)
                }
                #expect(steps == (step == .published ? [] : CachedFiles.Step.allCases))
                #expect(try models(cache).count == 1)
                #expect(try await Self.error(open(path, options)) < 1e-5)
            }
        }
    }

    /// Whether the process whose number is in a file waits for a lock; true where the system does not tell.
    private static func waitsForLock(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: "/proc/locks") else { return true }
        let locks = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        let process = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        return locks.split(separator: "\n").contains { $0.contains(" -> FLOCK ") && $0.contains(" \(process) ") }
    }

    @Test("Processes that want the same model at the same time convert it once")
    func race() async throws {
        let path = try Golden.model("layers")
        try await withTemporaryFolder { folder in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<2 {
                    group.addTask {
                        await #expect(processExitsWith: .success) {
                            [number = number as Int, path = path as String, folder = folder as String] in
                            let files = FileManager.default
                            let runtime = try Golden.runtime()
                            let options = SharedWeightsTests.options(folder + "/cache")
                            let weights = try ONNXSharedWeights(path: path, runtime: runtime, options: options)
                            // Each begins when the other is there.
                            try Data("\(getpid())".utf8).write(
                                to: URL(filePath: "\(folder)/\(number)"),
                                options: .atomic
                            )
                            try await eventually("the other process is as far") {
                                files.fileExists(atPath: "\(folder)/\(1 - number)")
                            }
                            _ = try weights.prepare { step in
                                guard step == .made else { return }
                                _ = files.createFile(atPath: "\(folder)/converted-\(number)", contents: nil)
                                // Goes on when the other waits for the lock, or converts too.
                                while !SharedWeightsTests.waitsForLock("\(folder)/\(1 - number)"),
                                    !files.fileExists(atPath: "\(folder)/converted-\(1 - number)")
                                {}
                            }
                            let session = try ONNXSession(.path(path), runtime: runtime, options: options)
                            guard try await SharedWeightsTests.error(session) < 1e-5 else { exit(1) }
                        }
                    }
                }
            }
            let conversions = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
                $0.hasPrefix("converted-")
            }
            #expect(conversions.count == 1)
            #expect(try models(folder + "/cache").count == 1)
        }
    }

    @Test("A file that is damaged, cut, missing or too many is noticed before it is used, and made again")
    func damaged() async throws {
        let path = try Golden.model("layers")
        try await withTemporaryFolder { cache in
            let options = Self.options(cache)
            let first = try open(path, options)
            let folder = "\(cache)/models/\(try #require(try models(cache).first))"
            let damages: [(String, (inout Data) -> Void)] = [
                ("weights.bin", { $0[$0.count / 2] ^= 1 }), ("weights.bin", { $0.removeLast(1) }),
                ("model.onnx", { $0.append(0) }), ("manifest", { $0[0] ^= 1 }), ("stranger", { $0.append(1) }),
            ]
            for (name, damage) in damages {
                let file = URL(filePath: "\(folder)/\(name)")
                var data = (try? Data(contentsOf: file)) ?? Data()
                damage(&data)
                // A new file, so that the session that has the old one mapped keeps it.
                try? FileManager.default.removeItem(at: file)
                try data.write(to: file)
                var isMade = false
                _ = try ONNXSharedWeights(path: path, runtime: Golden.runtime(), options: options).prepare { _ in
                    isMade = true
                }
                #expect(isMade, "\(name)")
                #expect(try await Self.error(open(path, options)) < 1e-5, "\(name)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
            }
            for name in ["weights.bin", "model.onnx", "manifest"] {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
                #expect(try await Self.error(open(path, options)) < 1e-5, "\(name)")
            }
            #expect(try models(cache).count == 1)
            #expect(try await Self.error(first) < 1e-5)
        }
    }

    @Test("Weights that are replaced beside the same graph are converted again")
    func replaced() async throws {
        try await withTemporaryFolder { folder in
            let model = folder + "/model"
            try FileManager.default.copyItem(atPath: Golden.folder("external"), toPath: model)
            let options = Self.options(folder + "/cache")
            #expect(try await Self.error(open(model + "/model.onnx", options)) < 1e-5)
            let weights = URL(filePath: model + "/weights.bin")
            try Data(count: Data(contentsOf: weights).count).write(to: weights)
            #expect(try await Self.outputs(open(model + "/model.onnx", options)).allSatisfy { $0 == 0 })
        }
    }

    @Test("The oldest models are removed, but none that a session uses")
    func pruned() async throws {
        let path = try Golden.model("scalar")
        try await withTemporaryFolder { cache in
            func open(_ number: Int) throws -> ONNXSession {
                try self.open(path, Self.options(cache, ["session.test": "\(number)"]))
            }
            let used = try open(0)
            let oldest = try #require(try models(cache).first)
            let date = Date(timeIntervalSince1970: 1)
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: "\(cache)/models/\(oldest)")
            for number in 1...40 { _ = try open(number) }
            let left = try models(cache)
            #expect(left.count == 32)
            #expect(left.contains(oldest))
            // The locks of removed models are removed as well.
            #expect(try FileManager.default.contentsOfDirectory(atPath: cache + "/locks").count == 2 * 32)
            withExtendedLifetime(used) {}
        }
    }
}

@Suite("The cache folder")
struct CacheFolderTests {
    private func folder(_ variables: [String: String], home: String? = nil, temporary: String = "/tmp") -> CacheFolder {
        CacheFolder(nil, environment: { variables[$0] }, userHome: home, temporary: temporary)
    }

    @Test("It is the one that is set, or else in the home folder, if there is one that can be written to")
    func choice() async throws {
        try await withTemporaryFolder { home in
            #expect(CacheFolder("/given").path == "/given")
            #expect(folder(["SWERVE_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": home]).path == "/a")
            #expect(folder(["SWERVE_CACHE": "", "XDG_CACHE_HOME": "/b", "HOME": home]).path == "/b/swerve")
            #expect(folder(["HOME": home]).path == home + "/.cache/swerve")
            #expect(folder([:], home: home).path == home + "/.cache/swerve")
            let shared = "/tmp/swerve-cache-\(getuid())"
            #expect(folder(["HOME": "/nonexistent"]).path == shared)
            #expect(folder([:], home: nil).path == shared)
        }
    }

    @Test("Without a home, a folder of the user alone is made, and used again")
    func made() async throws {
        try await withTemporaryFolder { temporary in
            let cache = folder([:], temporary: temporary)
            for _ in 0..<2 { #expect(try cache.subfolder("models") == cache.path + "/models") }
            let mode = try FileManager.default.attributesOfItem(atPath: cache.path)[.posixPermissions] as? Int
            #expect(mode == 0o700)
        }
    }

    @Test("A folder that somebody else could have prepared is refused, with what is wrong and what to do")
    func refused() async throws {
        try await withTemporaryFolder { temporary in
            let files = FileManager.default
            let cache = folder([:], temporary: temporary)
            func message() -> String? {
                let error = #expect(throws: ONNXError.self) { try cache.subfolder("models") }
                #expect(error?.code == .cacheFailed)
                #expect(error?.message.hasPrefix("the cache folder \(cache.path) ") == true)
                #expect(error?.message.contains("set SWERVE_CACHE") == true)
                return error?.message
            }
            try files.createDirectory(atPath: cache.path, withIntermediateDirectories: true)
            try files.setAttributes([.posixPermissions: 0o770], ofItemAtPath: cache.path)
            #expect(message()?.contains("its mode is 770, not 700") == true)
            try files.removeItem(atPath: cache.path)

            try files.createSymbolicLink(atPath: cache.path, withDestinationPath: temporary)
            #expect(message()?.contains("is a symbolic link") == true)
            try files.removeItem(atPath: cache.path)

            try Data().write(to: URL(filePath: cache.path))
            #expect(message()?.contains("is not a folder") == true)
            try files.removeItem(atPath: cache.path)

            // Only the superuser can give a folder away.
            guard getuid() == 0 else { return }
            try files.createDirectory(atPath: cache.path, withIntermediateDirectories: true)
            try files.setAttributes([.posixPermissions: 0o700, .ownerAccountID: 4242], ofItemAtPath: cache.path)
            #expect(message()?.contains("belongs to user 4242, not to 0") == true)
        }
    }
}
