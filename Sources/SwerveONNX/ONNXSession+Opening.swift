internal import CONNXRuntime
internal import Dispatch
internal import SwerveSystem
internal import Synchronization

extension ONNXSession {
    struct Opened {
        var engine: any Engine
        /// The inputs and outputs of the model, as ONNX Runtime reports them.
        var inputs: [ONNXPort]
        var outputs: [ONNXPort]
        var provider: ONNXProvider
        var failures: [ONNXProviderFailure] = []
    }

    /// Loads the libraries that the options need besides ONNX Runtime, so that this happens while other things are
    /// prepared. If one is missing, opening the session says so.
    package static func loadLibraries(for options: ONNXSessionOptions) async {
        guard options.providers.contains(where: \.isOpenVINO) else { return }
        _ = try? await BlockingThread(queueLimit: 1).run { try OpenVINOLibrary.load() }
    }

    /// Opens the model with the first provider that can run it.
    ///
    /// - Throws: ``ONNXError`` with code `invalidModel` when the CPU cannot run it either, otherwise `providerUnavailable`.
    static func open(_ source: Source, runtime: ONNXRuntime, options: ONNXSessionOptions) throws -> Opened {
        var failures: [ONNXProviderFailure] = []
        for provider in options.providers {
            do {
                var opened = try open(source, runtime: runtime, provider: provider, options: options)
                opened.failures = failures
                return opened
            } catch let error as ONNXError {
                // The CPU runs every valid model, so the model is at fault.
                if provider == .cpu { throw error }
                failures.append(ONNXProviderFailure(provider: provider, reason: error.message))
            }
        }
        let reasons = failures.map { "  \($0)" }.joined(separator: "\n")
        throw ONNXError(.providerUnavailable, "none of the requested providers can run the model:\n\(reasons)")
    }

    private static func open(
        _ source: Source,
        runtime: ONNXRuntime,
        provider: ONNXProvider,
        options: ONNXSessionOptions
    ) throws -> Opened {
        if provider.isOpenVINO {
            return try openWithOpenVINO(source, runtime: runtime, provider: provider, options: options)
        }
        guard runtime.providerNames.contains(provider.name) else {
            let names = runtime.providerNames.joined(separator: ", ")
            let place = "ONNX Runtime \(runtime.version) at \(runtime.path)"
            throw ONNXError(.providerUnavailable, "\(place) was built without it; it has \(names)")
        }
        let handle =
            provider == .cpu
            ? try openOnCPU(source, runtime: runtime, options: options)
            : try openSession(source, runtime: runtime, provider: provider.limited(), options: options)
        let ports = ports(of: handle)
        let engine = RuntimeEngine(
            handle,
            name: "ONNX Runtime \(runtime.version)",
            threads: options.intraOpThreads,
            inputNames: ports.inputs.map(\.name),
            memory: RunMemoryPolicy(options.runMemory, isOnCPU: provider == .cpu)
        )
        return Opened(engine: engine, inputs: ports.inputs, outputs: ports.outputs, provider: provider)
    }

    private static func ports(of handle: SessionHandle) -> (inputs: [ONNXPort], outputs: [ONNXPort]) {
        func list(_ areInputs: Bool) -> [ONNXPort] {
            (0..<onnxrt_session_port_count(handle.pointer, areInputs)).map {
                ONNXPort(session: handle.pointer, isInput: areInputs, index: $0)
            }
        }
        return (list(true), list(false))
    }

    /// Opens a model with OpenVINO. ONNX Runtime checks the model and reports its ports first: OpenVINO does not tell the
    /// names of dynamic dimensions, and so a model has the same ports whatever runs it.
    private static func openWithOpenVINO(
        _ source: Source,
        runtime: ONNXRuntime,
        provider: ONNXProvider,
        options: ONNXSessionOptions
    ) throws -> Opened {
        let library = try OpenVINOLibrary.load()
        try library.check(provider.settings[ONNXProvider.precisionKey])
        let reading = ONNXSessionOptions(
            intraOpThreads: 1,
            optimizationLevel: .none,
            configuration: ["session.disable_prepacking": "1"]
        )
        // Both take some time, and neither needs the other.
        let session = Mutex<Result<SessionHandle, any Error>?>(nil)
        let model = Mutex<Result<OpenVINOModelHandle, any Error>?>(nil)
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            if index == 0 {
                let result = Result { try OpenVINOEngine.read(source, library) }
                model.withLock { $0 = result }
            } else {
                let result = Result { try openSession(source, runtime: runtime, provider: .cpu, options: reading) }
                session.withLock { $0 = result }
            }
        }
        let ports = ports(of: try session.withLock { $0! }.get())
        let engine = try OpenVINOEngine(
            model.withLock { $0! },
            ports: ports,
            library: library,
            path: source.path,
            settings: provider.settings,
            options: options
        )
        return Opened(engine: engine, inputs: ports.inputs, outputs: ports.outputs, provider: provider)
    }

    /// Opens a model on the CPU, with weights shared between processes if the options say so.
    private static func openOnCPU(
        _ source: Source,
        runtime: ONNXRuntime,
        options: ONNXSessionOptions
    ) throws -> SessionHandle {
        guard options.weights != .own, case .path(let path) = source.kind else {
            return try openSession(source, runtime: runtime, provider: .cpu, options: options)
        }
        let shared = try ONNXSharedWeights(path: path, runtime: runtime, options: options)
        let converted = try shared.prepare()
        return try openSession(
            .path(converted.path),
            runtime: runtime,
            provider: .cpu,
            options: shared.loadingOptions,
            lease: converted.lease
        )
    }

    /// Writes a model as ONNX Runtime optimizes it for the CPU.
    static func convert(_ path: String, runtime: ONNXRuntime, options: ONNXSessionOptions, to target: String) throws {
        _ = try openSession(.path(path), runtime: runtime, provider: .cpu, options: options, saveTo: target)
    }

    private static func openSession(
        _ source: Source,
        runtime: ONNXRuntime,
        provider: ONNXProvider,
        options: ONNXSessionOptions,
        saveTo target: String? = nil,
        lease: LockedFile? = nil
    ) throws -> SessionHandle {
        var error = onnxrt_error()
        var session: OpaquePointer?
        let settings = provider.settings.sorted { $0.key < $1.key }
        let entries = options.configuration.sorted { $0.key < $1.key }
        let strings = [settings.map(\.key), settings.map(\.value), entries.map(\.key), entries.map(\.value)]
        let isOpen = withCStringArrays(strings[...], []) { lists in
            withCStrings([provider.shortName, target ?? ""]) { names in
                var native = onnxrt_options(
                    intra_op_threads: Int32(options.intraOpThreads),
                    inter_op_threads: Int32(options.interOpThreads),
                    optimization: options.optimizationLevel.rawValue,
                    // 4: fatal errors only. Other errors are also returned here.
                    log_severity: 4,
                    allow_spinning: options.allowSpinning,
                    provider: provider == .cpu ? nil : names[0],
                    provider_keys: lists[0],
                    provider_values: lists[1],
                    provider_count: settings.count,
                    config_keys: lists[2],
                    config_values: lists[3],
                    config_count: entries.count,
                    save_to: target == nil ? nil : names[1]
                )
                let library = runtime.handle.pointer
                switch source.kind {
                case .path(let path):
                    return onnxrt_session_open(library, path, nil, 0, &native, &session, &error)
                case .bytes(let bytes):
                    return onnxrt_session_open(library, nil, bytes, bytes.count, &native, &session, &error)
                }
            }
        }
        // Loading takes several times the memory that a session keeps.
        Heap.returnUnused()
        guard isOpen, let session else {
            let code: ONNXError.Code = error.code == ONNXRT_NO_MEMORY.rawValue ? .outOfResources : .invalidModel
            throw ONNXError(code, error.text)
        }
        return SessionHandle(session, library: runtime.handle, lease: lease)
    }
}

/// Calls a closure with several arrays of C strings.
private func withCStringArrays<Result>(
    _ lists: ArraySlice<[String]>,
    _ pointers: [UnsafePointer<UnsafePointer<CChar>?>?],
    _ body: ([UnsafePointer<UnsafePointer<CChar>?>?]) throws -> Result
) rethrows -> Result {
    guard let first = lists.first else { return try body(pointers) }
    return try withCStrings(first) {
        try withCStringArrays(lists.dropFirst(), pointers + [$0.baseAddress], body)
    }
}

/// Calls a closure with the strings as an array of C strings.
func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) throws -> Result
) rethrows -> Result {
    let copies = strings.map { string in
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: string.utf8.count + 1)
        _ = copy.initialize(from: string.utf8CString)
        return copy
    }
    defer { copies.forEach { $0.deallocate() } }
    return try copies.map { UnsafePointer($0.baseAddress) }.withUnsafeBufferPointer(body)
}
