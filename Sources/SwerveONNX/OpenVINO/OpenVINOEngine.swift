internal import COpenVINO
internal import SwerveSystem
internal import Synchronization

/// A model that OpenVINO runs on the CPU.
///
/// OpenVINO is much faster with fixed sizes, so a model is compiled for each combination of input shapes when it first
/// runs, up to ``maximumShapes``; further ones share a model that takes any size. All runs share the threads: they
/// compute one after another, while other threads prepare inputs and read outputs.
package final class OpenVINOEngine: Engine {
    /// How many combinations of input shapes get a compiled model of their own.
    package static let maximumShapes = 4

    let name: String
    let threads: Int

    private let model: OpenVINOModelHandle
    private let inputs: [ONNXPort]
    private let outputPositions: [String: Int]
    private let properties: [String: String]
    private let cache: OpenVINOCache?
    private let compiled = Mutex<[OpenVINOCompiled]>([])
    private let compiling = Mutex<Void>(())

    /// Compiles a model if its sizes are fixed.
    ///
    /// - Parameters:
    ///   - reading: the model from ``read(_:_:)``, or why it cannot be read.
    ///   - ports: its inputs and outputs, as ONNX Runtime reports them.
    ///   - library: what runs it.
    ///   - path: the model's file, whose compiled models are kept in the cache; nil for one that is not in a file.
    ///   - settings: properties for OpenVINO, by its names for them.
    ///   - options: how it runs.
    /// - Throws: ``ONNXError`` with code `unsupportedType` for a model with text, `invalidModel`.
    init(
        _ reading: Result<OpenVINOModelHandle, any Error>,
        ports: (inputs: [ONNXPort], outputs: [ONNXPort]),
        library: OpenVINOLibrary,
        path: String?,
        settings: [String: String],
        options: ONNXSessionOptions
    ) throws {
        if let port = (ports.inputs + ports.outputs).first(where: { $0.elementType == nil }) {
            throw ONNXError(.unsupportedType, "it runs models of numbers only, but \(port) is \(port.type)")
        }
        inputs = ports.inputs
        outputPositions = Dictionary(zip(ports.outputs.map(\.name), ports.outputs.indices)) { first, _ in first }
        name = "OpenVINO \(library.version)"
        threads = OpenVINOEngine.threads(options, cores: ThreadShare.availableCores())
        let properties = OpenVINOEngine.properties(settings, threads: threads)
        self.properties = properties
        cache = path.flatMap {
            OpenVINOCache($0, version: library.version, properties, in: CacheFolder(options.cacheFolder))
        }
        model = try reading.get()
        guard openvino_model_has_ports(model.pointer, ports.inputs.count, ports.outputs.count) else {
            throw ONNXError(
                .invalidModel,
                "OpenVINO finds other inputs or outputs in the model than ONNX Runtime"
            )
        }
        let shapes = inputs.map { $0.dimensions.map { $0.size ?? -1 } }
        if !shapes.contains(where: { $0.contains(-1) }) { _ = try compiled(for: shapes) }
        Heap.returnUnused()
    }

    /// All threads of a replica work on one run, so its share is that of all its runs together.
    package static func threads(_ options: ONNXSessionOptions, cores: Int) -> Int {
        max(options.intraOpThreads, min(cores, options.intraOpThreads + options.concurrentRuns - 1))
    }

    /// - Parameter settings: override the defaults.
    package static func properties(_ settings: [String: String], threads: Int) -> [String: String] {
        let defaults = [
            "INFERENCE_NUM_THREADS": String(threads),
            // More streams would each hold the intermediate results of a run, and not be faster.
            "NUM_STREAMS": "1",
            // Otherwise the replicas on a machine would all use its first cores.
            "ENABLE_CPU_PINNING": "NO",
        ]
        return defaults.merging(settings) { $1 }
    }

    /// - Throws: ``ONNXError`` with code `invalidModel`.
    static func read(_ source: ONNXSession.Source, _ library: OpenVINOLibrary) throws -> OpenVINOModelHandle {
        var pointer: OpaquePointer?
        var error = openvino_error()
        let library = library.handle.pointer
        let isRead =
            switch source.kind {
            case .path(let path): openvino_model_read(library, path, nil, 0, &pointer, &error)
            case .bytes(let bytes):
                bytes.withUnsafeBytes { bytes in
                    let text = bytes.assumingMemoryBound(to: CChar.self)
                    return openvino_model_read(library, nil, text.baseAddress, text.count, &pointer, &error)
                }
            }
        guard isRead, let pointer else { throw ONNXError(.invalidModel, error.text) }
        return OpenVINOModelHandle(pointer)
    }

    func makeRun() throws -> any EngineRun { OpenVINORun(self) }

    /// The position of an output in the model.
    func position(of output: ONNXPort) -> Int {
        guard let position = outputPositions[output.name] else {
            preconditionFailure("sessions run with the outputs of their model")
        }
        return position
    }

    /// Returns the model that is compiled for input shapes; compiles it first if needed.
    ///
    /// - Throws: ``ONNXError`` with code `runFailed` when the model does not accept these shapes.
    func compiled(for shapes: [[Int]]) throws -> OpenVINOCompiled {
        if let found = find(shapes) { return found }
        return try compiling.withLock { _ in
            if let found = find(shapes) { return found }
            let anySize = inputs.map { $0.dimensions.map { $0.size ?? -1 } }
            let wanted = isFull || OpenVINOEngine.areEmpty(shapes) ? anySize : shapes
            let made = try cache?.compiled(for: wanted, by: compile) ?? compile(for: wanted, keepingIn: nil)
            compiled.withLock { $0.append(made) }
            return made
        }
    }

    /// How many compiled models there are, and how many of them came from the cache.
    package var compiledModels: (all: Int, cached: Int) {
        compiled.withLock { ($0.count, $0.count(where: \.isFromCache)) }
    }

    private func find(_ shapes: [[Int]]) -> OpenVINOCompiled? {
        compiled.withLock { compiled in
            compiled.first { $0.shapes == shapes }
                ?? compiled.first { $0.isForAnySize && (isFull(compiled) || OpenVINOEngine.areEmpty(shapes)) }
        }
    }

    private var isFull: Bool { compiled.withLock { isFull($0) } }

    private func isFull(_ compiled: [OpenVINOCompiled]) -> Bool {
        compiled.count { !$0.isForAnySize } >= OpenVINOEngine.maximumShapes
    }

    /// OpenVINO does not compile for tensors without elements.
    private static func areEmpty(_ shapes: [[Int]]) -> Bool { shapes.contains { $0.contains(0) } }

    /// - Parameter folder: where OpenVINO looks for the compiled model, and keeps it.
    private func compile(for shapes: [[Int]], keepingIn folder: String?) throws -> OpenVINOCompiled {
        var pointer: OpaquePointer?
        var error = openvino_error()
        let native = try shapes.map { shape in
            guard let native = openvino_shape(shape) else {
                throw ONNXError(
                    .invalidInput,
                    "tensors of more than \(ONNXPort.maximumRank) dimensions are not supported"
                )
            }
            return native
        }
        var properties = properties
        if let folder { properties[OpenVINOCache.property] = folder }
        let isCompiled = withCStrings(properties.map(\.key)) { keys in
            withCStrings(properties.map(\.value)) { values in
                openvino_model_compile(
                    model.pointer,
                    native,
                    keys.baseAddress,
                    values.baseAddress,
                    keys.count,
                    &pointer,
                    &error
                )
            }
        }
        guard isCompiled, let pointer else { throw ONNXError(.runFailed, error.text) }
        // Compiling takes more memory than the compiled model keeps.
        Heap.returnUnused()
        return OpenVINOCompiled(shapes: shapes, handle: OpenVINOCompiledHandle(pointer))
    }
}

extension ONNXSession {
    /// How many models OpenVINO has compiled for the session, and how many of them came from the cache; nil when
    /// something else runs it.
    package var compiledModels: (all: Int, cached: Int)? { (engine as? OpenVINOEngine)?.compiledModels }
}

/// A model compiled for some input shapes, with the requests that run it.
final class OpenVINOCompiled: Sendable {
    /// The shape of each input; -1 where any size is taken.
    let shapes: [[Int]]
    private let handle: OpenVINOCompiledHandle
    private let idle = Mutex<[OpenVINORequestHandle]>([])

    var isFromCache: Bool { openvino_compiled_is_from_cache(handle.pointer) }

    var isForAnySize: Bool { shapes.contains { $0.contains(-1) } }

    init(shapes: [[Int]], handle: OpenVINOCompiledHandle) {
        self.shapes = shapes
        self.handle = handle
    }

    /// Returns a request that nobody else uses, for ``giveBack(_:)``. There are as many as concurrent runs.
    ///
    /// - Throws: ``ONNXError`` with code `outOfResources`.
    func takeRequest() throws -> OpenVINORequestHandle {
        if let request = idle.withLock({ $0.popLast() }) { return request }
        var pointer: OpaquePointer?
        var error = openvino_error()
        guard openvino_request_make(handle.pointer, &pointer, &error), let pointer else {
            throw ONNXError(.outOfResources, error.text)
        }
        return OpenVINORequestHandle(pointer)
    }

    func giveBack(_ request: OpenVINORequestHandle) {
        idle.withLock { $0.append(request) }
    }
}

extension openvino_shape {
    /// A shape of at most 16 dimensions, -1 where any size is taken; nil when there are more dimensions.
    init?(_ sizes: [Int]) {
        guard sizes.count <= ONNXPort.maximumRank else { return nil }
        self.init()
        rank = sizes.count
        withUnsafeMutableBytes(of: &dimensions) { raw in
            let dimensions = raw.assumingMemoryBound(to: Int64.self)
            for (position, size) in sizes.enumerated() { dimensions[position] = Int64(size) }
        }
    }

    var sizes: [Int] {
        withUnsafeBytes(of: dimensions) { $0.assumingMemoryBound(to: Int64.self).prefix(rank).map(Int.init) }
    }
}
