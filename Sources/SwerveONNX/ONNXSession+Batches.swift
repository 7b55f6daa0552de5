public import SwerveTensor

extension ONNXSession {
    /// Runs a model for several requests at once: joins their inputs along ``batchAxis``, and splits the outputs.
    ///
    /// When the run fails, each request runs alone, so that only those fail which cannot run.
    ///
    /// - Parameter requests: the inputs of each; the shapes may differ along the axis only, see ``batchShape(of:)``.
    /// - Returns: the outputs of each, in the same order.
    /// - Throws: ``ONNXError`` with code `invalidArgument` for a model without the axis, `queueFull`;
    ///   `CancellationError`.
    public func run(batch requests: [[String: Tensor]]) async throws -> [Result<[String: Tensor], any Error>] {
        guard let batchAxis else { throw unbatchable }
        return try await alone(requests, { try await self.run($0) }) { requests in
            let (inputs, counts) = try batchAxis.stack(requests)
            return try batchAxis.split(try await self.run(inputs), counts: counts)
        }
    }

    /// Does work for several items together and, if that fails, for each alone.
    package func alone<Item: Sendable, Output: Sendable>(
        _ items: [Item],
        _ one: (Item) async throws -> Output,
        together: ([Item]) async throws -> [Output]
    ) async throws -> [Result<Output, any Error>] {
        do {
            return try await together(items).map { .success($0) }
        } catch let error as ONNXError where error.code == .queueFull {
            throw error
        } catch {
            try Task.checkCancellation()
            if items.count == 1 { return [.failure(error)] }
            var results: [Result<Output, any Error>] = []
            for item in items {
                do { results.append(.success(try await one(item))) } catch { results.append(.failure(error)) }
            }
            return results
        }
    }

    /// Why there are no batches.
    package var unbatchable: ONNXError {
        ONNXError(.invalidArgument, "the model has no batch axis: \(noBatchAxisReason ?? "unknown")")
    }

    /// What requests that share a run have in common: the types of the inputs, and their sizes except along
    /// ``batchAxis``.
    ///
    /// - Returns: that, and the request's size along the axis; `nil` for a request that can only run alone, or not at all.
    package func batchShape(of inputs: [String: Tensor]) -> (shape: ONNXBatchShape, size: Int)? {
        guard let batchAxis, (try? check(inputs)) != nil else { return nil }
        var size: Int?
        var shape = ONNXBatchShape()
        for (name, axis) in batchAxis.inputs {
            guard let tensor = inputs[name], tensor.shape.indices.contains(axis), tensor.shape[axis] > 0,
                size ?? tensor.shape[axis] == tensor.shape[axis]
            else { return nil }
            size = tensor.shape[axis]
            shape.types[name] = tensor.elementType
            shape.sizes[name] = tensor.shape
            shape.sizes[name]![axis] = 0
        }
        return size.map { (shape, $0) }
    }
}

/// What requests that share a run have in common. The size along the batch axis is 0.
package struct ONNXBatchShape: Hashable, Sendable {
    var types: [String: ElementType] = [:]
    var sizes: [String: [Int]] = [:]
}
