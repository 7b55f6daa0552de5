import Foundation
import NIOCore
import Swerve
import SwerveModels
import SwerveTensor
import TestSupport
import Testing

/// Requests to an actor in this process and its responses, without a server.
@Suite("ONNXModel over HTTP")
struct ONNXExchangeTests {
    /// The model's answer as a client would see it.
    private func answer(
        _ model: ONNXModel,
        _ body: ByteBuffer? = nil,
        method: HTTPMethod? = nil,
        path: String = "/",
        headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        let request = try ServeRequest(
            method: method ?? (body == nil ? .get : .post),
            path: path,
            headers: headers,
            body: body.map { HTTPBody($0) } ?? .empty
        )
        let response = await model.whenLocal { model in
            do {
                return try await model.respond(to: request)
            } catch {
                return ServeResponse(for: error)
            }
        }
        let found = try #require(response)
        let fields = found.headers.map { ($0.name.lowercased(), $0.value) }
        let bytes = found.body.completeBytes ?? ByteBuffer()
        return Answer(
            status: Int(found.status.code),
            headers: Dictionary(fields) { first, _ in first },
            body: Data(bytes.readableBytesView)
        )
    }

    private func json(_ model: ONNXModel, _ text: String, headers: HTTPHeaders = [:]) async throws -> Answer {
        var headers = headers
        headers.add("content-type", "application/json")
        return try await answer(model, ByteBuffer(string: text), headers: headers)
    }

    private func model(_ name: String, limits: ONNXModelLimits = .init()) async throws -> ONNXModel {
        try await ONNXModel(
            model: ModelName(Golden.model(name)),
            options: ONNXSessionOptions(intraOpThreads: 1),
            limits: limits
        )
    }

    @Test("GET describes the model")
    func signature() async throws {
        let answer = try await answer(model("several"))
        #expect(answer.status == 200)
        let signature = try answer.json(ONNXSignature.self)
        #expect(
            signature.inputs.map(\.description) == [
                "a: float32 [batch, 3]", "b: float32 [batch, 3]", "counts: int64 [batch, 4]",
            ]
        )
        #expect(signature.outputs.map(\.name) == ["sum", "product", "total"])
        #expect(signature.batchAxis?.inputs == ["a": 0, "b": 0, "counts": 0])
        #expect(signature.provider.running == "CPU")
        #expect(signature.concurrentRuns == 1)
    }

    @Test("Inputs are lists or objects of shape, type and data; outputs carry shape and type")
    func lists() async throws {
        let answer = try await json(
            model("several"),
            """
            {"inputs": {"a": [[1, 2.5, -3e0]], "counts": {"data": [90071992, -1, 0, 2], "shape": [1, 4]},
                        "b": {"shape": [1, 3], "dtype": "float32", "data": [[1, 1, 2]]}}}
            """
        )
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(
            answer.text == """
                {"outputs":{"sum":{"shape":[1,3],"dtype":"float32","data":[[2.0,3.5,-1.0]]},\
                "product":{"shape":[1,3],"dtype":"float32","data":[[1.0,2.5,-6.0]]},\
                "total":{"shape":[1],"dtype":"int64","data":[90071993]}}}

                """
        )
    }

    @Test("An output can be sent as an input", arguments: ElementType.allCases)
    func roundTrip(type: ElementType) async throws {
        let model = try await model("identity-\(type)")
        let data: String
        switch type {
        case .bool: data = "[[true,false],[false,true]]"
        case .uint8, .uint16, .uint32: data = "[[0,1],[2,255]]"
        case .uint64: data = "[[0,1],[2,18446744073709551615]]"
        case .int64: data = "[[0,-1],[-9223372036854775808,9223372036854775807]]"
        case .int8, .int16, .int32: data = "[[0,-1],[-128,127]]"
        default: data = "[[0.0,-1.5],[\"-Infinity\",0.25]]"
        }
        let value = "{\"shape\":[2,2],\"dtype\":\"\(type)\",\"data\":\(data)}"
        let answer = try await json(model, "{\"inputs\":{\"x\":\(value)}}")
        #expect(answer.text == "{\"outputs\":{\"y\":\(value)}}\n")
        if type.name.contains("float") {
            let odd = try await json(model, "{\"inputs\":{\"x\":[[\"NaN\",\"Infinity\"]]}}")
            #expect(odd.text.contains("[[\"NaN\",\"Infinity\"]]"))
        }
    }

    @Test("Texts with every character that JSON escapes survive the round trip")
    func text() async throws {
        let model = try await model("identity-string")
        let texts = ["", "a\"b\\c/\u{8}\u{C}\n\r\t\u{1}\0", "grüß", "名前", "👩🏽‍💻"]
        let encoded = String(decoding: try JSONEncoder().encode([texts]), as: UTF8.self)
        struct Output: Decodable { var shape: [Int]; var dtype: String; var data: [[String]] }
        let answer = try await json(model, "{\"inputs\":{\"x\":\(encoded)}}")
        #expect(answer.status == 200)
        let output = try #require(try answer.json([String: [String: Output]].self)["outputs"]?["y"])
        #expect(output.data == [texts])
        #expect(output.shape == [1, 5] && output.dtype == "string")
        let escaped = try await json(model, #"{"inputs":{"x":[["\u0041\ud83d\ude00"]]}}"#)
        #expect(escaped.text.contains("A😀"))
    }

    @Test("A single number, no numbers and empty lists keep their shapes")
    func shapes() async throws {
        #expect(
            try await json(model("scalar"), "{\"inputs\":{\"x\":1.5}}").text.contains(
                "\"shape\":[],\"dtype\":\"float32\",\"data\":3.0"
            )
        )
        let identity = try await model("identity-float32")
        for (input, output) in [
            ("[[],[]]", "\"shape\":[2,0],\"dtype\":\"float32\",\"data\":[]"),
            ("{\"shape\":[0,3],\"data\":[]}", "\"shape\":[0,3],\"dtype\":\"float32\",\"data\":[]"),
            // As nested lists, this would be gigabytes of empty lists.
            ("{\"shape\":[1000000000,0],\"data\":[]}", "\"shape\":[1000000000,0],\"dtype\":\"float32\",\"data\":[]"),
        ] {
            let answer = try await json(identity, "{\"inputs\":{\"x\":\(input)}}")
            #expect(answer.text.contains(output), "\(answer.text)")
        }
    }

    @Test(
        "Input that the model does not accept is 422 and names the input and its type; invalid JSON is 400",
        arguments: [
            (
                "{\"inputs\":{\"x\":[[1,2],[3]]}}", 422,
                "input 'x' has lists of 2 and 1 elements in dimension 1; it takes x: int32 [n, m]"
            ),
            ("{\"inputs\":{\"x\":[[1,2],3]}}", 422, "mixes"), ("{\"inputs\":{\"x\":[3,[1,2]]}}", 422, "mixes"),
            ("{\"inputs\":{\"x\":[[],1]}}", 422, "mixes"), ("{\"inputs\":{\"x\":[1,[]]}}", 422, "mixes"),
            ("{\"inputs\":{\"x\":[1,2]}}", 422, "x: int32 [n, m]"),
            ("{\"inputs\":{\"x\":[[1.5]]}}", 422, "takes int32, not 1.5"),
            ("{\"inputs\":{\"x\":[[2147483648]]}}", 422, "takes int32, not 2147483648"),
            ("{\"inputs\":{\"x\":[[\"a\"]]}}", 422, "not the text 'a'"),
            ("{\"inputs\":{\"x\":[[null]]}}", 422, "not null"),
            ("{\"inputs\":{\"x\":[[true]]}}", 422, "not true"), ("{\"inputs\":{\"x\":[[{}]]}}", 422, "an object among"),
            ("{\"inputs\":{\"y\":[[1]]}}", 422, "no input 'y'; the model takes x: int32 [n, m]"),
            ("{\"inputs\":{}}", 422, "input 'x' is missing"), ("{}", 422, "'inputs' is missing; the model takes x"),
            ("{\"inputs\":[1]}", 422, "'inputs' must be an object"), ("[1]", 422, "the body must be an object"),
            ("{\"inputs\":{\"x\":[[1]]},\"more\":1}", 422, "not 'more'"),
            ("{\"inputs\":{\"x\":[[1]],\"x\":[[1]]}}", 422, "twice"),
            ("{\"inputs\":{\"x\":{\"shape\":[2,2],\"data\":[1,2,3]}}}", 422, "shape [2, 2]"),
            ("{\"inputs\":{\"x\":{\"shape\":[2,2],\"data\":[[1,2,3,4]]}}}", 422, "its lists have shape [1, 4]"),
            ("{\"inputs\":{\"x\":{\"shape\":[-1,2],\"data\":[]}}}", 422, "'shape' of input 'x'"),
            ("{\"inputs\":{\"x\":{\"shape\":[99999999999999999999],\"data\":[]}}}", 422, "'shape' of input 'x'"),
            ("{\"inputs\":{\"x\":{\"shape\":[4611686018427387904,4],\"data\":[]}}}", 422, "overflows"),
            ("{\"inputs\":{\"x\":{\"dtype\":\"float32\",\"data\":[[1]]}}}", 422, "takes int32, not float32"),
            ("{\"inputs\":{\"x\":{\"shape\":[1,1]}}}", 422, "'data' of input 'x' is missing"),
            ("{\"inputs\":{\"x\":{\"kind\":1}}}", 422, "not 'kind'"),
            ("{\"inputs\":{\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}}", 422, "more than 16 dimensions"),
            ("", 400, "it ends at byte 0"), ("{\"inputs\":{\"x\":[[1]]}", 400, "at byte 21"),
            ("{\"inputs\"", 400, "expected ':'"),
            ("{\"inputs\":{\"x\":[[1,]]}}", 400, "expected a value"),
            ("{\"inputs\":{\"x\":[[01]]}}", 400, "'01' is not a value"),
            ("{\"inputs\":{\"x\":[[1]]}} x", 400, "expected the end"), ("{\"inputs\":{\"x\":[[+1]]}}", 400, "'+1'"),
            ("{\"inputs\":{\"x\":[[NaN]]}}", 400, "'NaN' is not a value"),
            ("{\"inputs\":{\"x\":[[\"\\ud800\"]]}}", 400, "surrogate"),
            ("{\"inputs\":{\"x\":[[\"\\q\"]]}}", 400, "escape"), ("{inputs:1}", 400, "expected a string"),
        ]
    )
    func refused(body: String, status: Int, words: String) async throws {
        let answer = try await json(model("identity-int32"), body)
        #expect(answer.status == status, "\(answer.text)")
        #expect(try answer.json(Failure.self).error.contains(words), "\(answer.text)")
    }

    private struct Failure: Decodable { var error: String }

    @Test("Invalid UTF-8 and bodies truncated anywhere are refused without a crash")
    func damaged() async throws {
        let model = try await model("identity-string")
        let whole = Array(
            #"{"inputs":{"x":{"shape":[1,2],"dtype":"string","data":[["a\u00e9","\ud83d\ude00"]]}}}"#.utf8
        )
        for length in 0..<whole.count {
            let answer = try await answer(
                model,
                ByteBuffer(bytes: whole[..<length]),
                headers: ["content-type": "application/json"]
            )
            #expect(answer.status == 400, "\(length)")
        }
        for index in whole.indices {
            var bytes = whole
            bytes[index] = 0xFF
            let answer = try await answer(
                model,
                ByteBuffer(bytes: bytes),
                headers: ["content-type": "application/json"]
            )
            #expect(answer.status == 400 || answer.status == 422, "\(index): \(answer.text)")
        }
    }

    @Test("Deep nesting is refused before it can exhaust the stack")
    func deep() async throws {
        let text = "{\"inputs\":{\"x\":" + String(repeating: "[", count: 1_000_000)
        #expect(try await json(model("identity-int32"), text).status == 422)
    }

    @Test("A NumPy array is answered with one, or with JSON for clients that accept it")
    func arrays() async throws {
        let picture = try await model("picture")
        let expected = try #require(try Golden.tensors("out", of: "picture")["edges"])
        let file = try #require(try Golden.tensors("in", of: "picture")["pixels"]).npy()
        let array = try await answer(picture, file, headers: ["content-type": "application/x-npy"])
        #expect(array.headers["content-type"] == "application/x-npy")
        #expect(array.headers["vary"] == "accept")
        #expect(try Tensor(npy: ByteBuffer(bytes: array.body)).shape == expected.shape)
        // The default content type of curl is a different one.
        let form = ["content-type": "application/x-www-form-urlencoded", "accept": "application/json"] as HTTPHeaders
        let text = try await answer(picture, file, headers: form)
        #expect(text.text.hasPrefix("{\"outputs\":{\"edges\":{\"shape\":[3,2,17,13]"))
        #expect(text.headers["vary"] == "accept")
        let asked = try await json(model("scalar"), "{\"inputs\":{\"x\":1}}", headers: ["accept": "application/x-npy"])
        #expect(try Tensor(npy: ByteBuffer(bytes: asked.body)) == Tensor(shape: [], values: [Float(2)]))
    }

    @Test("An array is refused for several inputs, several outputs and text, with advice on what to do")
    func wrongArrays() async throws {
        let file = try Tensor(shape: [1, 3], values: [Float](repeating: 1, count: 3)).npy()
        let npy = ["content-type": "application/x-npy"] as HTTPHeaders
        let several = try await model("several")
        let inputs = try await answer(several, file, headers: npy)
        #expect(inputs.status == 422 && inputs.text.contains("send JSON"))
        let body = "{\"inputs\":{\"a\":[[1,2,3]],\"b\":[[1,2,3]],\"counts\":[[1,2,3,4]]}}"
        let accept = ["content-type": "application/json", "accept": "application/x-npy"] as HTTPHeaders
        let outputs = try await answer(several, ByteBuffer(string: body), headers: accept)
        #expect(outputs.status == 422 && outputs.text.contains("choose one with ?output="))
        let one = try await answer(several, ByteBuffer(string: body), path: "/?output=total", headers: accept)
        #expect(try Tensor(npy: ByteBuffer(bytes: one.body)) == Tensor(shape: [1], values: [Int64(10)]))
        let unknown = try await answer(several, ByteBuffer(string: body), path: "/?output=x", headers: accept)
        #expect(unknown.status == 422 && unknown.text.contains("it has sum, product, total"))
        let text = try await answer(
            model("identity-string"),
            ByteBuffer(string: "{\"inputs\":{\"x\":[[\"a\"]]}}"),
            headers: accept
        )
        #expect(text.status == 422 && text.text.contains("output 'y' is text"))
        let brain = try await answer(
            model("identity-bfloat16"),
            ByteBuffer(string: "{\"inputs\":{\"x\":[[1]]}}"),
            headers: accept
        )
        #expect(brain.status == 422 && brain.text.contains("bfloat16"))
        let damaged = try await answer(
            model("picture"),
            ByteBuffer(bytes: file.readableBytesView.prefix(50)),
            headers: npy
        )
        #expect(damaged.status == 400)
    }

    @Test("Limits, methods, paths and content types are answered with their statuses")
    func statuses() async throws {
        let limits = ONNXModelLimits(maximumBodyBytes: 200, maximumTensorBytes: 16)
        let model = try await ONNXModel(
            model: ModelName(Golden.model("identity-int32")),
            options: ONNXSessionOptions(intraOpThreads: 1),
            limits: limits
        )
        #expect(try await json(model, "{\"inputs\":{\"x\":[[1,2,3,4]]}}").status == 200)
        let elements = try await json(model, "{\"inputs\":{\"x\":[[1,2,3,4,5]]}}")
        #expect(elements.status == 413 && elements.text.contains("16 bytes"))
        #expect(try await json(model, String(repeating: " ", count: 201)).status == 413)
        let array = try Tensor(shape: [1, 5], values: [Int32](repeating: 0, count: 5)).npy()
        #expect(try await answer(model, array, headers: ["content-type": "application/x-npy"]).status == 413)
        let put = try await answer(model, ByteBuffer(), method: .put)
        #expect(put.status == 405 && put.headers["allow"] == "GET, HEAD, OPTIONS, POST")
        #expect(try await answer(model, path: "/other").status == 404)
        #expect(try await answer(model, ByteBuffer(string: "x"), headers: ["content-type": "image/png"]).status == 415)
    }

    @Test("A missing model fails the start, and the error says where it was searched")
    func missing() async throws {
        let error = await #expect(throws: ONNXError.self) { try await ONNXModel(model: "/nowhere") }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("there is no folder /nowhere") == true)
        let folder = try await ONNXModel(model: ModelName(Golden.folder("external")), options: .init(intraOpThreads: 1))
        #expect(try await folder.signature().inputs.map(\.name) == ["x"])
    }

    @Test("An input of the wrong shape is refused with 422 before the model runs")
    func failingModel() async throws {
        let loop = try await model("loop")
        let words = String(repeating: "[0],", count: 63) + "[0]"
        let answer = try await json(loop, "{\"inputs\":{\"times\":1,\"x\":[\(words)]}}")
        // The shape is checked before the model runs.
        #expect(answer.status == 422)
        #expect(answer.text.contains("x: float32 [64, 64]"))
    }
}
