import Foundation
import NIOCore
import Swerve
import SwerveModels
import SwerveTensor
import SwerveVision
import TestSupport
import Testing

extension ServedModels {
    @Suite struct ModelBatchingTests {
        /// One run at a time, and none may wait: calls at the same time succeed only in batches.
        private static let session = ONNXSessionOptions(concurrentRuns: 1, queueLimit: 0)

        private func pictures() throws -> [Image] {
            let photo = try SegFormerSupport.photo()
            let sizes = [(64, 64), (100, 31), (photo.width, photo.height), (17, 90)]
            return try sizes.map { try photo.resized(width: $0.0, height: $0.1) }
        }

        @Test func `a batch of pictures has the maps that each has alone`() async throws {
            let model = try await SegFormerModel.load(folder: SegFormerSupport.tiny, runtime: ONNXRuntime.load())
            let pictures = try pictures()
            let maps = try await model.segment(batch: pictures)
            #expect(maps.count == pictures.count)
            for (picture, map) in zip(pictures, maps) { #expect(try await map.get() == model.segment(picture)) }
        }

        @Test(arguments: placements)
        func `pictures of different sizes share runs and get their own maps`(
            placement: DeploymentOptions.Placement
        ) async throws {
            let alone = try await SegFormerModel.load(folder: SegFormerSupport.tiny, runtime: ONNXRuntime.load())
            let bound = SegFormer.options(placement: placement).bind(
                model: SegFormerSupport.tiny,
                options: SegFormerOptions(session: Self.session),
                batching: BatchOptions(maxBatchSize: 4)
            )
            try await withApplication(bound) { model, url in
                let pictures = try pictures() + pictures()
                try await withThrowingTaskGroup(of: (Int, SegmentationMap).self) { group in
                    for (index, picture) in pictures.enumerated() {
                        group.addTask { (index, try await model.segment(picture)) }
                    }
                    for try await (index, map) in group { #expect(try await map == alone.segment(pictures[index])) }
                }
                let url = try #require(URL(string: url))
                let answer = try await WebAnswer.send(pictures[0].png(), to: url, accept: "application/x-npy")
                let labels = try Tensor(npy: ByteBuffer(bytes: answer.body)).values(as: UInt8.self)
                #expect(try await labels == alone.segment(pictures[0]).labels)
            }
        }

        @Test func `requests to any model share runs and get their own outputs`() async throws {
            let bound = ONNXModel.bind(
                model: try Golden.model("layers"),
                options: Self.session,
                batching: .adaptive(latencyTarget: .seconds(1), maxBatchSize: 8)
            )
            let alone = try ONNXSession(.path(Golden.model("layers")), runtime: Golden.runtime())
            let name = alone.inputs[0].name
            try await withApplication(bound) { model, _ in
                let requests = try (1...8).map { rows in
                    let values = (0..<rows * 256).map { Float($0 % 89) / Float(rows) }
                    return try Tensor(shape: [rows, 256], values: values)
                }
                try await withThrowingTaskGroup(of: (Int, [String: Tensor]).self) { group in
                    for (index, request) in requests.enumerated() {
                        group.addTask { (index, try await model.run([name: request])) }
                    }
                    for try await (index, outputs) in group {
                        let expected = try await alone.run([name: requests[index]])
                        for (name, output) in outputs {
                            let other = try #require(expected[name])
                            #expect(output.shape == other.shape)
                            let pairs = zip(try output.values(as: Float.self), try other.values(as: Float.self))
                            #expect(pairs.allSatisfy { abs($0 - $1) < 1e-3 })
                        }
                    }
                }
            }
        }

        @Test func `batches that could never be full, or of a model that takes none, are refused`() async throws {
            let options = BatchOptions(maxBatchSize: 8, maxConcurrentBatches: 5)
            let context = ReplicaContext(
                replica: ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1),
                options: DeploymentOptions(maxOngoingRequests: 32)
            )
            let dynamic = try ONNXSession(.path(Golden.model("layers")), runtime: Golden.runtime())
            let error = #expect(throws: ServeError.self) { try ModelBatching(options, of: dynamic, in: context) }
            #expect(error?.code == .invalidOptions)
            let fixed = try ONNXSession(.path(Golden.model("batch-fixed")), runtime: Golden.runtime())
            #expect(throws: ONNXError.self) { try ModelBatching(BatchOptions(), of: fixed, in: nil) }
        }

        @Test func `pictures share a batch only if the model gets them in one size`() async throws {
            let model = try await SegFormerModel.load(folder: SegFormerSupport.tiny, runtime: ONNXRuntime.load())
            let configuration = try SegFormerConfiguration(labels: model.configuration.labels, inputSize: nil)
            let asTheyAre = try SegFormerModel(session: model.session, configuration: configuration)
            let (small, large) = (try SegFormerSupport.gray(64, 64), try SegFormerSupport.gray(96, 64))
            #expect(model.batchKey(of: small) == model.batchKey(of: large))
            #expect(asTheyAre.batchKey(of: small) != asTheyAre.batchKey(of: large))
            #expect(asTheyAre.batchKey(of: small) == asTheyAre.batchKey(of: small))
        }
    }
}
