import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite struct BatchedRunTests {
    private func session(_ name: String) throws -> ONNXSession {
        let options = ONNXSessionOptions(intraOpThreads: 1)
        return try ONNXSession(.path(Golden.model(name)), runtime: Golden.runtime(), options: options)
    }

    private func request(_ rows: Int, from first: Float) throws -> [String: Tensor] {
        let values = (0..<rows * 3).map { first + Float($0) }
        return [
            "a": try Tensor(shape: [rows, 3], values: values),
            "b": try Tensor(shape: [rows, 3], values: values.map { -2 * $0 }),
            "counts": try Tensor(shape: [rows, 4], values: (0..<Int64(rows * 4)).map { $0 }),
        ]
    }

    @Test func `a batch gives each request what it would get alone`() async throws {
        let model = try session("several")
        let requests = [try request(1, from: 0), try request(3, from: 7), try request(2, from: -1)]
        let results = try await model.run(batch: requests)
        #expect(results.count == 3)
        for (request, result) in zip(requests, results) { #expect(try await result.get() == model.run(request)) }
    }

    @Test func `a request that cannot run fails alone`() async throws {
        let model = try session("several")
        var wrong = try request(1, from: 0)
        wrong["b"] = nil
        let right = try request(1, from: 5)
        let results = try await model.run(batch: [right, wrong, right])
        #expect(try await results[0].get() == model.run(right))
        #expect(throws: ONNXError.self) { try results[1].get() }
        #expect(try await results[2].get() == model.run(right))
    }

    @Test func `a model without a batch axis refuses batches`() async throws {
        let model = try session("batch-fixed")
        let error = await #expect(throws: ONNXError.self) { try await model.run(batch: []) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("is not dynamic") == true)
    }

    @Test func `requests share a run if only their sizes along the batch axis differ`() throws {
        let model = try session("several")
        let one = try #require(try model.batchShape(of: request(1, from: 0)))
        let three = try #require(try model.batchShape(of: request(3, from: 1)))
        #expect(one.shape == three.shape)
        #expect((one.size, three.size) == (1, 3))
        let picture = try session("picture")
        let name = picture.inputs[0].name
        func shape(_ side: Int) throws -> ONNXBatchShape? {
            let values = [Float](repeating: 0, count: 3 * side * side)
            return picture.batchShape(of: [name: try Tensor(shape: [1, 3, side, side], values: values)])?.shape
        }
        #expect(try shape(8) != nil)
        #expect(try shape(8) != shape(9))
    }

    @Test func `a request whose inputs disagree or are missing runs alone`() throws {
        let model = try session("several")
        var inputs = try request(2, from: 0)
        inputs["b"] = try request(1, from: 0)["b"]
        #expect(model.batchShape(of: inputs) == nil)
        inputs["b"] = nil
        #expect(model.batchShape(of: inputs) == nil)
    }
}
