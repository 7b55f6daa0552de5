package import NIOCore

#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

extension ServeResponse {
    /// A value as JSON with sorted keys, so that the same value gives the same bytes in every process.
    ///
    /// - Throws: `EncodingError` if the value cannot be written as JSON, such as one with an infinite number.
    public static func json(_ value: some Encodable, status: HTTPStatus = .ok) throws -> ServeResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data = try encoder.encode(value)
        var bytes = ByteBufferAllocator().buffer(capacity: data.count)
        bytes.writeBytes(data)
        return .bytes(bytes, contentType: "application/json", status: status)
    }
}

/// Writes values as JSON one after the other.
package struct JSONAppender {
    private let encoder = JSONEncoder()

    package init() {
        encoder.outputFormatting = .sortedKeys
    }

    package func append<Value: Encodable>(_ value: Value, to buffer: inout ByteBuffer) throws {
        if Value.self == String.self { return buffer.writeJSONString(unsafeBitCast(value, to: String.self)) }
        buffer.writeBytes(try encoder.encode(value))
    }
}

extension ServeRequest {
    /// Reads the body as JSON.
    ///
    /// - Parameter maxBytes: how large the body may be; ``HTTPBody/defaultCollectLimit`` by default.
    /// - Throws: ``ServeHTTPError`` with status 415 if the content type is not JSON, 400 if the body is not JSON, 422 if it
    ///   is JSON of another shape (the message names the field); ``ServeError`` with code `tooLarge` (413) if there is
    ///   more; what ``HTTPBody/collect(upTo:)`` throws.
    public func decodeJSON<Value: Decodable>(
        _ type: Value.Type = Value.self,
        maxBytes: Int = HTTPBody.defaultCollectLimit
    ) async throws -> Value {
        if let contentType = headers["content-type"], self.contentType?.isJSON != true {
            throw ServeHTTPError(
                .unsupportedMediaType,
                "the content type is '\(contentType)'; application/json is expected"
            )
        }
        let bytes = try await body.collect(upTo: maxBytes)
        let data = bytes.withUnsafeReadableBytes { Data($0) }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw Self.describe(error, of: "the body")
        }
    }

    /// - Parameter whole: a name for what was decoded, such as "the body".
    package static func describe(_ error: DecodingError, of whole: String) -> ServeHTTPError {
        switch error {
        case .dataCorrupted(let context):
            // The decoder reports bytes that are not JSON with an empty path, and a field's bad value with its path.
            context.codingPath.isEmpty
                ? ServeHTTPError(.badRequest, "\(whole) is not valid JSON")
                : ServeHTTPError(
                    .unprocessableContent,
                    "\(path(context.codingPath, whole)): \(context.debugDescription)"
                )
        case .keyNotFound(let key, let context):
            ServeHTTPError(.unprocessableContent, "\(path(context.codingPath + [key], whole)): the field is missing")
        case .typeMismatch(let type, let context):
            ServeHTTPError(.unprocessableContent, "\(path(context.codingPath, whole)): expected \(type)")
        case .valueNotFound(let type, let context):
            ServeHTTPError(
                .unprocessableContent,
                "\(path(context.codingPath, whole)): expected \(type), found null"
            )
        @unknown default:
            ServeHTTPError(.unprocessableContent, "\(whole) does not have the expected shape")
        }
    }

    /// A field's path in the usual notation, such as `items[2].name`.
    private static func path(_ keys: [any CodingKey], _ whole: String) -> String {
        var text = ""
        for key in keys {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
        return text.isEmpty ? whole : text
    }
}
