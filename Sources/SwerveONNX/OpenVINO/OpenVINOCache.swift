/// The compiled models of one model's file, kept by OpenVINO in the cache: the next process loads one in half the time
/// that compiling takes.
///
/// OpenVINO writes its files in place, so that a process may read what another has half written. ``CachedFiles`` prevents
/// that.
struct OpenVINOCache: Sendable {
    /// OpenVINO's name for the folder in which it keeps compiled models.
    static let property = "CACHE_DIR"

    private let key: String
    private let cache: CacheFolder

    /// - Returns: nil when the settings say where compiled models are kept, or there is no such file.
    init?(_ path: String, version: String, _ properties: [String: String], in cache: CacheFolder) {
        guard properties[OpenVINOCache.property] == nil, let identity = try? ONNXModelIdentity(path) else { return nil }
        let settings = properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        key = """
            model \(identity)
            openvino \(version)
            processor \(CachedFiles.processor())
            \(settings.joined(separator: "\n"))

            """
        self.cache = cache
    }

    /// Loads a compiled model; compiles it if it is not in the cache. Without a cache that can be written to, it is
    /// compiled each time.
    func compiled(
        for shapes: [[Int]],
        by compile: (_ shapes: [[Int]], _ folder: String?) throws -> OpenVINOCompiled
    ) throws -> OpenVINOCompiled {
        var made: OpenVINOCompiled?
        do {
            let lease = try CachedFiles(key + "shapes \(shapes)\n", in: cache).prepare({ _ in }) { folder in
                made = try compile(shapes, folder)
            }
            defer { withExtendedLifetime(lease) {} }
            return try made ?? compile(shapes, lease.folder)
        } catch let error as ONNXError where error.code == .cacheFailed {
            return try made ?? compile(shapes, nil)
        }
    }
}
