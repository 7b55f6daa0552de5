package import SwerveSystem

/// A model converted so that its weights are in a separate file, which ONNX Runtime maps instead of reading.
///
/// ONNX Runtime does the conversion: it optimizes the model, saves it, and writes the weights to a second file, also in
/// the order in which the operators need them. Such a model fits one version of the runtime and one kind of processor,
/// so both are part of its key.
///
/// The cache has a folder for each converted model, which is complete or absent: it gets its name only when its bytes
/// are on the disk, and ``CacheManifest`` checks all of them before each use. Two locks guard it:
///
/// * `make`, shared by those who look for it, exclusive for the one who makes or removes it;
/// * `use`, shared by all sessions that have it open, as long as they live. A model in use is not removed.
package struct ONNXSharedWeights {
    /// The most converted models in the cache; the oldest that are not in use are removed first.
    static let maximumModels = 32
    /// Weights with fewer bytes stay in the model's own file.
    static let minimumBytes = 1024
    /// How often to make a model that is damaged or removed before it can be used.
    private static let maximumTries = 3

    /// A step of a conversion, after which a process may die.
    package enum Step: String, Codable, CaseIterable, Sendable {
        case converted, described, synced, published
    }

    /// A converted model, and the lock that keeps it in the cache.
    package struct Converted {
        package let path: String
        package let lease: LockedFile
    }

    /// The options for loading the converted model, which is already optimized.
    let loadingOptions: ONNXSessionOptions

    private let cache: CacheFolder
    private let manifest: CacheManifest
    private let name: String
    private let source: String
    private let runtime: ONNXRuntime
    private let options: ONNXSessionOptions

    /// - Throws: ``ONNXError`` with code `notFound` or `invalidModel`.
    package init(path: String, runtime: ONNXRuntime, options: ONNXSessionOptions) throws {
        let entries = options.configuration.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let key = """
            model \(try ONNXModelIdentity(path))
            runtime \(runtime.version)
            processor \(ONNXSharedWeights.processor())
            optimization \(options.optimizationLevel.rawValue)
            weights \(options.weights)
            \(entries.joined(separator: "\n"))

            """
        manifest = CacheManifest(key: key)
        name = CacheFolder.name(for: key)
        cache = CacheFolder(options.cacheFolder)
        source = path
        self.runtime = runtime
        self.options = options
        var loading = options
        loading.optimizationLevel = .none
        if options.weights == .sharedUnpacked { loading.configuration["session.disable_prepacking"] = "1" }
        loadingOptions = loading
    }

    /// Returns the converted model; converts it first if needed, or waits for the one who does. A waiting replica is
    /// ended by its deployment's `startTimeout`, and a lock ends with its holder's process.
    ///
    /// - Parameter reached: called after each step of a conversion.
    /// - Throws: ``ONNXError`` with code `cacheFailed`; what the conversion throws.
    package func prepare(_ reached: (Step) -> Void = { _ in }) throws -> Converted {
        let models = try cache.subfolder("models")
        let locks = CacheLocks(folder: try cache.subfolder("locks"))
        let folder = "\(models)/\(name)"
        for _ in 0..<ONNXSharedWeights.maximumTries {
            if let converted = try find(folder, locks, isShared: true) { return converted }
            let made = try find(folder, locks, isShared: false) { try make(folder, in: models, reached) }
            if let made {
                prune(models, locks)
                return made
            }
        }
        throw ONNXError(.cacheFailed, "\(folder) was damaged each time it was made; check the disk and its free space")
    }

    /// Checks the folder, and takes it into use before anybody can remove it.
    ///
    /// - Parameter make: makes it if it is not complete.
    private func find(
        _ folder: String,
        _ locks: CacheLocks,
        isShared: Bool,
        make: () throws -> Void = {}
    ) throws -> Converted? {
        let lock = try locks.wait(.make, name, isShared: isShared)
        defer { withExtendedLifetime(lock) {} }
        if !manifest.fits(folder) {
            try make()
            guard manifest.fits(folder) else { return nil }
        }
        return Converted(path: folder + "/model.onnx", lease: try locks.wait(.use, name, isShared: true))
    }

    /// Makes the folder while nobody else looks at it.
    private func make(_ folder: String, in models: String, _ reached: (Step) -> Void) throws {
        let draft = "\(models)/\(CacheFolder.partialPrefix)\(name)"
        // What a process left that died here.
        CacheFolder.remove(draft)
        do {
            try cache.makeFolder(draft)
            var conversion = options
            conversion.configuration.merge(entries) { $1 }
            try ONNXSession.convert(source, runtime: runtime, options: conversion, to: draft + "/model.onnx")
            reached(.converted)
            try cache.write(manifest.bytes(of: draft), to: "\(draft)/\(CacheManifest.name)")
            reached(.described)
            try cache.sync(draft)
            reached(.synced)
            // A damaged folder. Sessions that have its files mapped keep them.
            CacheFolder.remove(folder)
            try cache.publish(draft, as: folder)
            reached(.published)
        } catch {
            CacheFolder.remove(draft)
            throw error
        }
    }

    private var entries: [String: String] {
        [
            "session.optimized_model_external_initializers_file_name": "weights.bin",
            "session.optimized_model_external_initializers_min_size_in_bytes": "\(ONNXSharedWeights.minimumBytes)",
            "session.save_external_prepacked_constant_initializers": options.weights == .shared ? "1" : "0",
        ]
    }

    /// Removes the oldest models that nobody uses or makes, until `maximumModels` are left; and drafts without a maker.
    private func prune(_ models: String, _ locks: CacheLocks) {
        let names = FileSystem.names(in: models)
        for draft in names where draft.hasPrefix(CacheFolder.partialPrefix) {
            locks.whileUnused(String(draft.dropFirst(CacheFolder.partialPrefix.count))) {
                CacheFolder.remove("\(models)/\(draft)")
            }
        }
        let made = names.filter { !$0.hasPrefix(CacheFolder.partialPrefix) && $0 != name }
        let ages = made.map { (name: $0, age: FileStatus("\(models)/\($0)")?.modifiedSeconds ?? .max) }
        var spare = ages.count + 1 - ONNXSharedWeights.maximumModels
        for (name, _) in ages.sorted(by: { ($0.age, $0.name) < ($1.age, $1.name) }) where spare > 0 {
            locks.whileUnused(name) {
                CacheFolder.remove("\(models)/\(name)")
                spare -= 1
            }
        }
    }

    /// A hash of the processor features that optimized layouts depend on.
    private static func processor() -> String {
        let lines = Files.text("/proc/cpuinfo")?.split(separator: "\n") ?? []
        let telling = lines.filter { $0.hasPrefix("flags") || $0.hasPrefix("model name") || $0.hasPrefix("Features") }
        return CacheFolder.name(for: Set(telling).sorted().joined(separator: "\n"))
    }
}
