internal import NIOCore
internal import SwerveTensor

/// Runs of a model before it takes requests, so that the first request is as fast as later ones.
public struct ONNXWarmUp: Hashable, Sendable, Codable {
    /// The most shapes that can be recorded.
    public static let maximumRecordedShapes = 256

    /// A size for each dynamic dimension, by its name, or by `input[axis]` if it has no name; nil skips this run.
    public var sizes: [String: Int]?
    /// The input shapes of further runs, by input name.
    public var shapes: [[String: [Int]]]
    /// How many different shapes of real requests to record for the next start; 0 records and reads none.
    public var recordedShapes: Int

    /// - Parameters:
    ///   - sizes: nil by default; use an empty dictionary for a model without dynamic dimensions.
    ///   - shapes: none by default.
    ///   - recordedShapes: none by default.
    public init(sizes: [String: Int]? = nil, shapes: [[String: [Int]]] = [], recordedShapes: Int = 0) {
        self.sizes = sizes
        self.shapes = shapes
        self.recordedShapes = recordedShapes
    }

    /// No runs.
    public static let none = ONNXWarmUp()
    /// One run with these sizes for the dynamic dimensions.
    public static func sizes(_ sizes: [String: Int]) -> ONNXWarmUp { ONNXWarmUp(sizes: sizes) }
    /// A run for each of these shapes.
    public static func shapes(_ shapes: [[String: [Int]]]) -> ONNXWarmUp { ONNXWarmUp(shapes: shapes) }
    /// Runs with the request shapes that earlier replicas recorded in the cache folder.
    public static func recorded(_ limit: Int = 16) -> ONNXWarmUp { ONNXWarmUp(recordedShapes: limit) }

    /// The input shapes that result from ``sizes``.
    ///
    /// - Throws: ``ONNXError`` with code `invalidArgument` for a dimension without a size or a size below 1; the
    ///   message names it.
    func shapes(of inputs: [ONNXPort]) throws -> [String: [Int]]? {
        guard let sizes else { return nil }
        var shapes: [String: [Int]] = [:]
        for port in inputs {
            shapes[port.name] = try port.dimensions.enumerated().map { axis, dimension in
                if let size = dimension.size { return size }
                let place = "\(port.name)[\(axis)]"
                guard let size = sizes[place] ?? dimension.name.flatMap({ sizes[$0] }) else {
                    throw ONNXError(
                        .invalidArgument,
                        "warm-up: give a size for '\(dimension.name ?? place)', a dynamic dimension of \(port)"
                    )
                }
                guard size > 0 else {
                    throw ONNXError(.invalidArgument, "warm-up: the size of '\(dimension.name ?? place)' is \(size)")
                }
                return size
            }
        }
        return shapes
    }

    func validate() throws {
        guard (0...ONNXWarmUp.maximumRecordedShapes).contains(recordedShapes) else {
            throw ONNXError(
                .invalidArgument,
                "recordedShapes must be from 0 to \(ONNXWarmUp.maximumRecordedShapes), not \(recordedShapes)"
            )
        }
    }
}

extension ONNXSession {
    /// Runs the model on zeros in the shapes of a warm-up.
    ///
    /// - Parameters:
    ///   - warmUp: what to run.
    ///   - recorder: the shapes that earlier replicas recorded. A shape that fails, because the model no longer accepts
    ///     it, is skipped.
    /// - Returns: how many runs were made.
    /// - Throws: ``ONNXError`` with code `invalidArgument`, `invalidInput` or `runFailed` when a run of
    ///   ``ONNXWarmUp/sizes`` or ``ONNXWarmUp/shapes`` fails; `CancellationError`.
    @discardableResult
    public func warmUp(_ warmUp: ONNXWarmUp, recorder: ONNXShapeRecorder? = nil) async throws -> Int {
        try warmUp.validate()
        var done = 0
        for shapes in try [warmUp.shapes(of: inputs)].compactMap({ $0 }) + warmUp.shapes {
            _ = try await run(values: try zeros(shapes))
            done += 1
        }
        for shapes in recorder?.recorded.prefix(warmUp.recordedShapes) ?? [] {
            do {
                _ = try await run(values: try zeros(shapes))
                done += 1
            } catch is ONNXError {
                continue
            }
        }
        return done
    }

    /// An input of zeros, or of empty texts, for each shape.
    private func zeros(_ shapes: [String: [Int]]) throws -> [String: ONNXValue] {
        var values: [String: ONNXValue] = [:]
        for (name, shape) in shapes {
            let type = inputs.first { $0.name == name }?.type
            do {
                // Checked before anything is allocated, also for unknown input names, which the run reports.
                let count = try Tensor.byteCount(shape: shape, elementType: type?.elementType ?? .uint8)
                if type?.isText == true {
                    let texts = [String](repeating: "", count: count)
                    values[name] = .text(try StringTensor(shape: shape, values: texts))
                } else {
                    let bytes = ByteBuffer(repeating: 0, count: count)
                    let elementType = type?.elementType ?? .uint8
                    values[name] = .tensor(try Tensor(shape: shape, elementType: elementType, bytes: bytes))
                }
            } catch {
                throw ONNXError(.invalidArgument, "warm-up: input '\(name)': \(error.message)")
            }
        }
        return values
    }
}
