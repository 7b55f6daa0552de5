package import SwerveSystem

/// A model converted so that its weights are in a separate file, which ONNX Runtime maps instead of reading.
///
/// ONNX Runtime does the conversion: it optimizes the model, saves it, and writes the weights to a second file, also in
/// the order in which the operators need them. Such a model fits one version of the runtime and one kind of processor,
/// so both are part of its key in the cache.
package struct ONNXSharedWeights {
    /// Weights with fewer bytes stay in the model's own file.
    static let minimumBytes = 1024

    /// A converted model, and the lock that keeps it in the cache, for as long as a session has it open.
    package struct Converted {
        package let path: String
        package let lease: LockedFile
    }

    /// The options for loading the converted model, which is already optimized.
    let loadingOptions: ONNXSessionOptions

    private let files: CachedFiles
    private let source: String
    private let runtime: ONNXRuntime
    private let options: ONNXSessionOptions

    /// - Throws: ``ONNXError`` with code `notFound` or `invalidModel`.
    package init(path: String, runtime: ONNXRuntime, options: ONNXSessionOptions) throws {
        let entries = options.configuration.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let key = """
            model \(try ONNXModelIdentity(path))
            runtime \(runtime.version)
            processor \(CachedFiles.processor())
            optimization \(options.optimizationLevel.rawValue)
            weights \(options.weights)
            \(entries.joined(separator: "\n"))

            """
        files = CachedFiles(key, in: CacheFolder(options.cacheFolder))
        source = path
        self.runtime = runtime
        self.options = options
        var loading = options
        loading.optimizationLevel = .none
        if options.weights == .sharedUnpacked { loading.configuration["session.disable_prepacking"] = "1" }
        loadingOptions = loading
    }

    /// Returns the converted model; converts it first if needed, or waits for the one who does.
    ///
    /// - Parameter reached: called after each step of a conversion.
    /// - Throws: ``ONNXError`` with code `cacheFailed`; what the conversion throws.
    package func prepare(_ reached: (CachedFiles.Step) -> Void = { _ in }) throws -> Converted {
        let lease = try files.prepare(reached) { folder in
            var conversion = options
            conversion.configuration.merge(entries) { $1 }
            try ONNXSession.convert(source, runtime: runtime, options: conversion, to: folder + "/model.onnx")
        }
        return Converted(path: lease.folder + "/model.onnx", lease: lease.lock)
    }

    private var entries: [String: String] {
        [
            "session.optimized_model_external_initializers_file_name": "weights.bin",
            "session.optimized_model_external_initializers_min_size_in_bytes": "\(ONNXSharedWeights.minimumBytes)",
            "session.save_external_prepacked_constant_initializers": options.weights == .shared ? "1" : "0",
        ]
    }
}
