internal import NIOCore
internal import Swerve
internal import SwerveONNX
internal import SwerveTensor

/// Converts requests to inputs of an ``ONNXModel``, and outputs to responses. Reading and writing happen off the actor.
struct ONNXExchange: Sendable {
    let signature: ONNXSignature
    let limits: ONNXModelLimits

    // MARK: Requests

    /// - Throws: ``ServeHTTPError`` with status 400, 413, 415 or 422; ``ServeError`` with code `tooLarge`.
    func inputs(of request: ServeRequest) async throws -> [String: ONNXValue] {
        let body = try await request.body.collect(upTo: limits.maximumBodyBytes)
        switch request.contentType?.essence {
        case "application/json", "text/json": return try await readJSON(body)
        case MediaType.array.essence: return try await readArray(body)
        // The default content type of `curl --data-binary`.
        case nil, MediaType.form.essence, MediaType.octetStream.essence:
            return body.readableBytesView.first == 0x93 ? try await readArray(body) : try await readJSON(body)
        case .some(let other):
            throw ServeHTTPError(
                .unsupportedMediaType,
                "the content type is '\(other)'; application/json and \(MediaType.array) are accepted"
            )
        }
    }

    @concurrent private func readJSON(_ body: ByteBuffer) async throws -> [String: ONNXValue] {
        var reader = TensorJSONReader(
            Array(body.readableBytesView),
            inputs: signature.inputs,
            maximumBytes: limits.maximumTensorBytes
        )
        return try reader.read()
    }

    @concurrent private func readArray(_ body: ByteBuffer) async throws -> [String: ONNXValue] {
        guard signature.inputs.count == 1, let input = signature.inputs.first else {
            let names = signature.inputs.map(\.description).joined(separator: ", ")
            throw ServeHTTPError(
                .unprocessableContent,
                "an array is only one input, but the model takes \(signature.inputs.count) (\(names)): send JSON"
            )
        }
        do {
            let tensor = try Tensor(npy: body, limits: NPYLimits(maximumDataBytes: limits.maximumTensorBytes))
            return [input.name: .tensor(tensor)]
        } catch {
            throw ONNXAnswers.error(for: error)
        }
    }

    // MARK: Responses

    /// What `Accept` asks for, an array or JSON. By default an array when the client sent one and there is a single
    /// output, otherwise JSON.
    ///
    /// - Throws: ``ServeHTTPError`` with status 406 when `Accept` excludes both, 422 when the response should be an array
    ///   but there is no single output of numbers.
    @concurrent func response(_ outputs: [String: ONNXValue], to request: ServeRequest) async throws -> ServeResponse {
        let wanted = request.queryValue("output")
        let sentArray = request.contentType?.essence == MediaType.array.essence
        let isSingle = outputs.count == 1 || wanted != nil
        let type =
            sentArray && isSingle ? try request.accepted(of: .array, .json) : try request.accepted(of: .json, .array)
        if type == .array {
            let tensor = try single(outputs, named: wanted)
            do {
                return .bytes(try tensor.npy(), contentType: type.essence).varying(by: "accept")
            } catch {
                throw ONNXAnswers.error(for: error)
            }
        }
        var ports = signature.outputs
        if let wanted { ports = [try port(named: wanted)] }
        return .bytes(TensorJSONWriter.write(outputs, of: ports), contentType: "application/json")
            .varying(by: "accept")
    }

    private func single(_ outputs: [String: ONNXValue], named wanted: String?) throws -> Tensor {
        guard let name = try wanted.map({ try port(named: $0).name }) ?? (outputs.count == 1 ? outputs.keys.first : nil)
        else {
            let names = signature.outputs.map(\.name).joined(separator: ", ")
            throw ServeHTTPError(.unprocessableContent, "the model has the outputs \(names): choose one with ?output=")
        }
        guard let tensor = outputs[name]?.tensor else {
            throw ServeHTTPError(
                .unprocessableContent,
                "output '\(name)' is text, which cannot be an array: accept application/json"
            )
        }
        return tensor
    }

    private func port(named name: String) throws -> ONNXPort {
        guard let port = signature.outputs.first(where: { $0.name == name }) else {
            let names = signature.outputs.map(\.name).joined(separator: ", ")
            throw ServeHTTPError(.unprocessableContent, "the model has no output '\(name.prefix(80))'; it has \(names)")
        }
        return port
    }
}
