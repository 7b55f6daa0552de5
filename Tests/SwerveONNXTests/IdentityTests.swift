import Foundation
import SwerveONNX
import SwerveTensor
import TestSupport
import Testing

@Suite("What tells a model from another")
struct IdentityTests {
    private let options = ONNXSessionOptions(intraOpThreads: 1)

    private func open(_ folder: String) async throws -> ONNXSession {
        try await ONNXSession.shared(folder + "/model.onnx", runtime: Golden.runtime(), options: options)
    }

    /// The sum of the outputs for the golden inputs, which tells which weights a session has.
    private func sum(_ session: ONNXSession) async throws -> Float {
        let inputs = try Golden.values("in", of: "layers")
        let y = try #require(try await session.run(values: inputs)["y"]?.tensor)
        return try y.values(as: Float.self).reduce(0) { $0 + $1.magnitude }
    }

    /// Weights of the same size with other numbers.
    private func otherWeights() throws -> Data {
        Data(count: try Data(contentsOf: URL(filePath: Golden.folder("external") + "/weights.bin")).count)
    }

    @Test("Weights that are replaced beside the same graph make another session, whatever their size and time")
    func replacedWeights() async throws {
        try await withTemporaryFolder { folder in
            let model = folder + "/model"
            try FileManager.default.copyItem(atPath: Golden.folder("external"), toPath: model)
            let first = try await open(model)
            #expect(try await open(model) === first)

            let weights = model + "/weights.bin"
            let date = try FileManager.default.attributesOfItem(atPath: weights)[.modificationDate] as? Date
            // In place: the inode, the size and the time stay.
            let file = try FileHandle(forWritingTo: URL(filePath: weights))
            try file.write(contentsOf: otherWeights())
            try file.close()
            try FileManager.default.setAttributes([.modificationDate: try #require(date)], ofItemAtPath: weights)
            let second = try await open(model)
            #expect(second !== first)
            #expect(try await sum(second) == 0)
            withExtendedLifetime(first) {}
        }
    }

    @Test("Two commits that share the graph but not the weights are two models")
    func commits() async throws {
        try await withTemporaryFolder { cache in
            let files = FileManager.default
            try files.createDirectory(atPath: cache + "/blobs", withIntermediateDirectories: true)
            try files.copyItem(atPath: Golden.folder("external") + "/model.onnx", toPath: cache + "/blobs/graph")
            try files.copyItem(atPath: Golden.folder("external") + "/weights.bin", toPath: cache + "/blobs/old")
            try otherWeights().write(to: URL(filePath: cache + "/blobs/new"))
            for commit in ["old", "new", "same"] {
                let snapshot = "\(cache)/snapshots/\(commit)"
                try files.createDirectory(atPath: snapshot, withIntermediateDirectories: true)
                for (name, blob) in [("model.onnx", "graph"), ("weights.bin", commit == "same" ? "old" : commit)] {
                    try files.createSymbolicLink(
                        atPath: "\(snapshot)/\(name)",
                        withDestinationPath: "../../blobs/\(blob)"
                    )
                }
            }
            let old = try await open(cache + "/snapshots/old")
            let new = try await open(cache + "/snapshots/new")
            #expect(old !== new)
            #expect(try await sum(old) > 0)
            #expect(try await sum(new) == 0)
            // A commit that changed neither shares the session.
            #expect(try await open(cache + "/snapshots/same") === old)
        }
    }

    @Test("The files with weights are those that the onnx package finds, wherever in the graph they are named")
    func locations() throws {
        let path = try Golden.model("locations")
        let expected = try JSONDecoder().decode(
            [String].self,
            from: Data(contentsOf: URL(filePath: path.dropLast("onnx".count) + "json"))
        )
        #expect(expected.count == 8)
        #expect(try ONNXExternalData.locations(in: path) == expected.sorted())
        #expect(try ONNXExternalData.locations(in: Golden.model("external/model")) == ["weights.bin"])
        #expect(try ONNXExternalData.locations(in: Golden.model("layers")) == [])
    }

    @Test("A damaged model ends the search without an error", arguments: 0..<4 as Range<UInt64>)
    func damaged(seed: UInt64) async throws {
        var random = SplitMix(state: seed)
        let model = try Array(Data(contentsOf: URL(filePath: Golden.model("external/model"))))
        let known = try ONNXExternalData.locations(in: Golden.model("external/model"))
        try await withTemporaryFolder { folder in
            let path = folder + "/model.onnx"
            for count in 0...model.count {
                try Data(model.prefix(count)).write(to: URL(filePath: path))
                #expect(try Set(ONNXExternalData.locations(in: path)).isSubset(of: known))
            }
            for _ in 0..<500 {
                var bytes = model
                for _ in 0..<3 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 0xFF) }
                try Data(bytes).write(to: URL(filePath: path))
                #expect(try ONNXExternalData.locations(in: path).count <= 2, "seed \(seed)")
            }
        }
    }

    @Test("Messages that nest without end are not followed")
    func nesting() async throws {
        // A subgraph in an attribute of a node of a subgraph …
        var bytes: [UInt8] = []
        for level in 0..<3000 {
            let field: UInt8 = [6, 5, 1][level % 3]
            var length = bytes.count
            var header = [field << 3 | 2]
            while length > 0x7F {
                header.append(UInt8(length & 0x7F | 0x80))
                length >>= 7
            }
            bytes = header + [UInt8(length)] + bytes
        }
        try await withTemporaryFolder { folder in
            try Data(bytes).write(to: URL(filePath: folder + "/model.onnx"))
            #expect(try ONNXExternalData.locations(in: folder + "/model.onnx") == [])
        }
    }

    @Test("A Git LFS pointer in the place of a model or its weights is named, with the command that fetches it")
    func pointers() async throws {
        let pointer = Data("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n".utf8)
        try await withTemporaryFolder { folder in
            let model = folder + "/model"
            try FileManager.default.copyItem(atPath: Golden.folder("external"), toPath: model)
            for name in ["weights.bin", "model.onnx"] {
                try pointer.write(to: URL(filePath: "\(model)/\(name)"))
                let shared = await #expect(throws: ONNXError.self) { try await open(model) }
                let own = #expect(throws: ONNXError.self) {
                    try ONNXSession(.path(model + "/model.onnx"), runtime: Golden.runtime(), options: options)
                }
                for error in [shared, own] {
                    #expect(error?.code == .invalidModel)
                    #expect(error?.message.hasPrefix("\(model)/\(name) is a Git LFS pointer, not the file") == true)
                    #expect(error?.message.hasSuffix("Run `git lfs pull` in \(model)") == true)
                }
            }
        }
    }
}

/// A small generator of random numbers from a seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
