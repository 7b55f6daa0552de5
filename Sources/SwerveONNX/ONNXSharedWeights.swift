internal import SwerveSystem

/// A model converted so that its weights are in a separate file, which ONNX Runtime maps instead of reading.
///
/// ONNX Runtime does the conversion: it optimizes the model, saves it, and writes the weights to a second file, also in
/// the order in which the operators need them. Such a model fits one version of the runtime and one kind of processor,
/// so both are part of its key.
struct ONNXSharedWeights {
    /// The most converted models in the cache; the oldest are removed first.
    static let maximumModels = 32
    /// Weights with fewer bytes stay in the model's own file.
    static let minimumBytes = 1024

    /// The options for loading the converted model, which is already optimized.
    let loadingOptions: ONNXSessionOptions

    private let cache: CacheFolder
    private let key: String
    private let modelOptions: ONNXSessionOptions

    /// - Throws: ``ONNXError`` with code `notFound`.
    init(path: String, runtime: ONNXRuntime, options: ONNXSessionOptions) throws {
        guard let identity = FileIdentity(path) else {
            throw ONNXError(.notFound, "there is no model file at \(path)")
        }
        let entries = options.configuration.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        key = """
            model \(identity)
            runtime \(runtime.version)
            processor \(ONNXSharedWeights.processor())
            optimization \(options.optimizationLevel.rawValue)
            weights \(options.weights)
            \(entries.joined(separator: "\n"))

            """
        cache = CacheFolder(options.cacheFolder)
        modelOptions = options
        var loading = options
        loading.optimizationLevel = .none
        if options.weights == .sharedUnpacked { loading.configuration["session.disable_prepacking"] = "1" }
        loadingOptions = loading
    }

    /// Returns the path of the converted model; converts it first if needed.
    ///
    /// - Parameter convert: writes the model to `target` with these session configuration entries.
    /// - Throws: ``ONNXError`` with code `cacheFailed`; what `convert` throws.
    func prepare(_ convert: (_ target: String, _ entries: [String: String]) throws -> Void) throws -> String {
        let models = try cache.subfolder("models")
        let folder = "\(models)/\(CacheFolder.name(for: key))"
        if isComplete(folder) { return folder + "/model.onnx" }
        let temporary = try cache.temporaryFolder(in: models)
        do {
            try convert(
                temporary + "/model.onnx",
                [
                    "session.optimized_model_external_initializers_file_name": "weights.bin",
                    "session.optimized_model_external_initializers_min_size_in_bytes":
                        "\(ONNXSharedWeights.minimumBytes)",
                    "session.save_external_prepacked_constant_initializers": modelOptions.weights == .shared
                        ? "1" : "0",
                ]
            )
            try cache.write(Array(key.utf8), to: temporary + "/key")
        } catch {
            CacheFolder.remove(temporary)
            throw error
        }
        // Removes a folder of this name that holds another model or an incomplete one.
        if FileSystem.isFolder(folder), !isComplete(folder) { CacheFolder.remove(folder) }
        if !cache.publish(temporary, as: folder) {
            CacheFolder.remove(temporary)
            guard isComplete(folder) else { throw ONNXError(.cacheFailed, "cannot make \(folder)") }
        }
        CacheFolder.prune(models, keeping: ONNXSharedWeights.maximumModels)
        return folder + "/model.onnx"
    }

    private func isComplete(_ folder: String) -> Bool {
        FileSystem.isFile(folder + "/model.onnx") && Files.text(folder + "/key") == key
    }

    /// A hash of the processor features that optimized layouts depend on.
    private static func processor() -> String {
        let lines = Files.text("/proc/cpuinfo")?.split(separator: "\n") ?? []
        let telling = lines.filter { $0.hasPrefix("flags") || $0.hasPrefix("model name") || $0.hasPrefix("Features") }
        return CacheFolder.name(for: Set(telling).sorted().joined(separator: "\n"))
    }
}
