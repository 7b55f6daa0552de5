import NIOCore
import SwerveHTTPTypes
import SwerveVision
import SwerveVisionHTTP
import TestSupport
import Testing

@Suite("Extreme arguments of messages with pictures")
struct ExtremeArgumentsTests {
    private typealias Call = (inout ExtremeNumbers) async throws -> Void

    /// Calls of every public function that takes numbers.
    private static func calls() throws -> [String: Call] {
        let file = ByteBuffer(
            bytes: try Image(width: 3, height: 2, channels: 3, pixels: Array(repeating: 9, count: 18)).png()
        )
        let request = try ServeRequest(method: .post, path: "/", body: HTTPBody(file))
        return [
            "ImageAdapter.init(isUpright:field:maxBytes:)": {
                let image = try await ImageAdapter(maxBytes: $0.int()).input(from: request)
                #expect(image.width == 3)
            },
            "ServeRequest.image(as:isUpright:field:limits:maxBytes:)": {
                let image = try await request.image(maxBytes: $0.int())
                #expect(image.width == 3)
            },
            "ServeResponse.labels(_:width:height:)": {
                _ = try ServeResponse.labels([1, 2, 3], width: $0.int(), height: $0.int())
            },
            "PictureWork.init(limit:)": {
                let result = try await PictureWork(limit: $0.int()).run { 7 }
                #expect(result == 7)
            },
        ]
    }

    @Test("The calls below are of all public functions that take numbers")
    func complete() throws {
        let functions = try PublicFunctions.takingNumbers(in: "SwerveVisionHTTP")
        #expect(try functions.symmetricDifference(Self.calls().keys) == [])
    }

    @Test("No number ends the process: the result is a value or an error with a status")
    func calls() async throws {
        for (name, call) in try Self.calls().sorted(by: { $0.key < $1.key }) {
            for seed in 0..<100 {
                var numbers = ExtremeNumbers(seed: seed)
                do {
                    try await call(&numbers)
                } catch {
                    #expect(ServeResponse(for: error).status != .ok, "\(name), seed \(seed): \(error)")
                }
            }
        }
    }
}
