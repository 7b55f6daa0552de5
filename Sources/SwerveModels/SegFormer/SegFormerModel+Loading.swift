public import SwerveONNX

extension SegFormerModel {
    /// Loads a model from a folder or a hub, and runs it once. Models of one process that use the same file in the same
    /// way share it.
    ///
    /// Reads `config.json` (labels, palette), `preprocessor_config.json` (how pictures are prepared) and the ONNX file, at
    /// the root or in `onnx/`, and checks that they agree.
    ///
    /// - Parameters:
    ///   - model: the path of a folder, or a repository and its revision, which is downloaded unless the cache has it. As
    ///     an argument of a deployment's initialiser it is resolved once, so that all replicas have the same commit.
    ///   - variant: which ONNX file to use when there are several, such as `fp16` or `quantized`.
    ///   - options: how the model runs.
    /// - Throws: ``ONNXError``, whose message says what is missing or wrong and what to do about it; `HubError`;
    ///   `CancellationError`.
    public static func load(
        _ model: ModelName,
        variant: ONNXVariant = .standard,
        session options: ONNXSessionOptions = SegFormerOptions.defaultSession
    ) async throws -> SegFormerModel {
        async let libraries: Void = ONNXSession.loadLibraries(for: options)
        let files = ModelFiles(
            variant: variant,
            others: ["config.json", "preprocessor_config.json"],
            advice: "Make one with `.venv/bin/python dev/export-onnx.py MODEL` and bind the folder that it writes."
        )
        let folder = try await model.folder(files: files)
        let runtime = try ONNXRuntime.load()
        let session = try await ONNXSession.shared(folder.modelPath, runtime: runtime, options: options)
        session.warnOfFallback(of: model.text)
        let configuration = try SegFormerConfiguration(folder: folder.path)
        let origin = Origin(name: model.text, commit: folder.commit, file: folder.model)
        let loaded = try SegFormerModel(session: session, configuration: configuration, origin: origin)
        try await loaded.warmUp()
        await libraries
        return loaded
    }

    /// Loads a folder with `config.json`, `preprocessor_config.json` and an ONNX file, at the root or in `onnx/`.
    ///
    /// - Parameters:
    ///   - folder: the path of the folder.
    ///   - variant: which ONNX file to use when there are several; `model.onnx` by default.
    ///   - runtime: the library that runs the model.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError``; `CancellationError`.
    public static func load(
        folder: String,
        variant: ONNXVariant = .standard,
        runtime: ONNXRuntime,
        options: ONNXSessionOptions = ONNXSessionOptions()
    ) async throws -> SegFormerModel {
        try await BlockingThread(queueLimit: 1).run {
            let files = try ONNXModelFiles(variant, in: folder)
            let configuration = try SegFormerConfiguration(folder: folder)
            let session = try ONNXSession(.path("\(folder)/\(files.model)"), runtime: runtime, options: options)
            let origin = Origin(name: folder, file: files.model)
            return try SegFormerModel(session: session, configuration: configuration, origin: origin)
        }
    }
}
