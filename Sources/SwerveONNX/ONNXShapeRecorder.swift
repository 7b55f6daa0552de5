internal import SwerveSystem
internal import SwerveTensor
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Records the shapes of a model's requests, for the warm-up at the next start.
///
/// Keeps one small JSON file per model in the cache folder, never beside the model. A damaged file, or one of another
/// model or another version of the model, is ignored.
public final class ONNXShapeRecorder: Sendable {
    private struct File: Codable {
        var model: String
        var shapes: [[String: [Int]]]
    }

    private let model: String
    private let limit: Int
    private let cache: CacheFolder
    private let thread: BlockingThread
    /// The content of the file, as far as this process knows.
    private let known: Mutex<[[String: [Int]]]>

    /// The shapes that earlier replicas recorded.
    let recorded: [[String: [Int]]]

    /// Whether earlier replicas recorded nothing.
    public var isEmpty: Bool { recorded.isEmpty }

    /// - Parameters:
    ///   - path: the model file.
    ///   - limit: how many shapes to keep; further ones are not recorded.
    ///   - cacheFolder: see ``ONNXSessionOptions/cacheFolder``.
    /// - Throws: ``ONNXError`` with code `notFound` when there is no such file, `outOfResources`.
    public init(path: String, limit: Int, cacheFolder: String? = nil) throws {
        guard let identity = FileIdentity(path) else {
            throw ONNXError(.notFound, "there is no model file at \(path)")
        }
        model = identity.description
        self.limit = limit
        cache = CacheFolder(cacheFolder)
        thread = try BlockingThread(queueLimit: 16)
        let found = cache.isTrusted ? ONNXShapeRecorder.read(ONNXShapeRecorder.file(in: cache, model), model) : []
        recorded = Array(found.prefix(limit))
        known = Mutex(recorded)
    }

    /// Records the shapes of a successful run; writes the file when they are new.
    ///
    /// A failure to write the file is ignored: its only effect is a slower next start.
    public func note(_ inputs: [String: ONNXValue]) async {
        let shapes = inputs.mapValues(\.shape)
        let isNew = known.withLock { known in
            guard known.count < limit, !known.contains(shapes) else { return false }
            known.append(shapes)
            return true
        }
        guard isNew else { return }
        try? await thread.run { [self] in
            let folder = try cache.subfolder(ONNXShapeRecorder.folder)
            let path = "\(folder)/\(CacheFolder.name(for: model)).json"
            // Other replicas write the same file; their shapes are kept as far as the limit allows.
            let mine = known.withLock { $0 }
            let others = ONNXShapeRecorder.read(path, model).filter { !mine.contains($0) }
            let file = File(model: model, shapes: Array((mine + others).prefix(limit)))
            try cache.write(Array(JSONEncoder().encode(file)), to: path)
        }
    }

    private static let folder = "shapes"

    private static func file(in cache: CacheFolder, _ model: String) -> String {
        "\(cache.path)/\(folder)/\(CacheFolder.name(for: model)).json"
    }

    private static func read(_ path: String, _ model: String) -> [[String: [Int]]] {
        guard let bytes = try? Files.read(path), let file = try? JSONDecoder().decode(File.self, from: Data(bytes)),
            file.model == model
        else { return [] }
        return file.shapes
    }
}
