internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// Turns key paths into makers.
enum GraphPart {
    static func maker<Root: Codable & Sendable, Part: Codable & Sendable>(
        _ path: any KeyPath<Root, Part> & Sendable
    ) -> any GraphMaker {
        // A key path describes itself as `\Root.path`.
        let text = "\(path)"
        let label = text.firstIndex(of: ".").map { String(text[$0...]) } ?? text
        guard let offset = MemoryLayout<Root>.offset(of: path) else {
            return LivePart(label: label, root: "\(Root.self)", number: LivePart.register(path))
        }
        return StoredPart<Root, Part>(label: label, offset: offset, size: MemoryLayout<Root>.size)
    }
}

/// A stored part, found by its offset in memory. All processes of one executable agree on the offset.
struct StoredPart<Root: Codable & Sendable, Part: Codable & Sendable>: GraphMaker {
    var label: String
    var offset: Int
    var size: Int

    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        guard MemoryLayout<Root>.size == size, offset >= 0, offset + MemoryLayout<Part>.size <= size,
            offset % MemoryLayout<Part>.alignment == 0
        else {
            throw ServeError(
                .invalidGraph,
                "the memory layout of \(Root.self) differs from the one in the process that wrote the graph; all "
                    + "processes must run the same executable"
            )
        }
        let whole: Root = try unwrap(parts[0])
        return withUnsafePointer(to: whole) {
            // In bounds, aligned and of this type: the offset came from `MemoryLayout.offset(of:)` for the same layout.
            (UnsafeRawPointer($0) + offset).assumingMemoryBound(to: Part.self).pointee
        }
    }
}

/// A part that only the key path itself can find. The key path stays in the process that wrote the graph.
struct LivePart: GraphMaker {
    var label: String
    var root: String
    var number: Int

    private typealias Apply = @Sendable (any Codable & Sendable) throws -> any Codable & Sendable
    private struct Entry {
        let path: AnyKeyPath
        let apply: Apply
    }
    /// One entry for each such key path. A path with a subscript has one for each argument.
    private static let known = Mutex<[Entry]>([])

    static func register<Root: Codable & Sendable, Part: Codable & Sendable>(
        _ path: any KeyPath<Root, Part> & Sendable
    ) -> Int {
        known.withLock { known in
            if let number = known.firstIndex(where: { $0.path == path }) { return number }
            known.append(Entry(path: path, apply: { whole in try unwrap(whole, as: Root.self)[keyPath: path] }))
            return known.count - 1
        }
    }

    var localOnly: String? {
        "\\\(root)\(label) passes through a computed property, an optional or a class, and only the process that wrote "
            + "the graph can follow such a path: use the placement .inProcess for the driver, a stored property, or a "
            + "function deployment"
    }

    func make(_ parts: [any Codable & Sendable]) throws -> any Codable & Sendable {
        let apply = Self.known.withLock { known in number < known.count ? known[number].apply : nil }
        guard let apply else { throw ServeError(.invalidGraph, "this process does not know \\\(root)\(label)") }
        return try apply(parts[0])
    }
}
