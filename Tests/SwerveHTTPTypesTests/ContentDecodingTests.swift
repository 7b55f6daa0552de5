import Foundation
import NIOCore
import SwerveCore
import TestSupport
import Testing

@testable import SwerveHTTPTypes

/// Requests with a `content-encoding`.
@Suite struct ContentDecodingTests {
    private static func request(
        _ encoding: String,
        _ body: ByteBuffer,
        in pieces: Int? = nil
    ) throws -> ServeRequest {
        let stream: HTTPBodyStream? = pieces.map { size in
            let stream = HTTPBodyStream(window: .max)
            var rest = body
            while rest.readableBytes > 0 { rest.readSlice(length: min(size, rest.readableBytes)).map(stream.push) }
            stream.finish()
            return stream
        }
        return try ServeRequest(
            method: .post,
            headers: ["content-encoding": encoding, "content-length": "\(body.readableBytes)", "accept": "*/*"],
            body: stream.map(HTTPBody.init(stream:)) ?? HTTPBody(body)
        )
    }

    private static func decode(
        _ encoding: String,
        _ body: ByteBuffer,
        in pieces: Int? = nil,
        upTo limit: Int = HTTPBody.defaultCollectLimit
    ) async throws -> ByteBuffer {
        try await request(encoding, body, in: pieces).decodingContent(.on()).body.collect(upTo: limit)
    }

    private static func gzip(_ bytes: ByteBuffer) -> ByteBuffer { GzipEncoder(level: 6).encode(bytes, .end) }

    private static func status(_ body: () async throws -> Void) async -> HTTPStatus? {
        do {
            try await body()
            return nil
        } catch {
            return ServeResponse(for: error).status
        }
    }

    struct Coded: Decodable {
        var name: String
        var coding: String
        var data: Data
        /// `nil` if the data is refused.
        var decoded: Data?
    }

    @Test(arguments: [nil, 1, 1000]) func `data is decoded and refused as Python does`(pieces: Int?) async throws {
        for each in try Golden.content("codings", as: [Coded].self) where pieces != 1 || each.data.count < 5000 {
            let data = ByteBuffer(bytes: each.data)
            var decoded: ByteBuffer?
            let status = await Self.status { decoded = try await Self.decode(each.coding, data, in: pieces) }
            #expect(decoded == each.decoded.map { ByteBuffer(bytes: $0) }, "\(each.name), \(each.coding)")
            #expect(status == (each.decoded == nil ? .badRequest : nil), "\(each.name), \(each.coding)")
        }
    }

    @Test func `several codings are undone in reverse, and identity is none`() async throws {
        let text = ByteBuffer(string: "some text")
        let twice = Self.gzip(Self.gzip(text))
        #expect(try await Self.decode("gzip, X-GZip", twice) == text)
        #expect(try await Self.decode(" identity ,GZIP,, gzip", twice, in: 3) == text)
        #expect(try await Self.decode("identity", text) == text)
        #expect(try await Self.decode("deflate, gzip", Self.gzip(ByteBuffer(bytes: [3, 0]))) == ByteBuffer())
    }

    @Test func `the headers describe what user code sees, and those that were sent can be learnt`() throws {
        let request = try Self.request("gzip", Self.gzip(ByteBuffer(string: "a"))).decodingContent(.on())
        #expect(request.headers["content-encoding"] == nil)
        #expect(request.headers["Content-Length"] == nil)
        #expect(request.headers.map(\.name) == ["accept"])
        #expect(request.body.completeBytes == nil)
        #expect(request.sentHeaders["content-encoding"] == "gzip")
        #expect(request.sentHeaders["content-length"] == "21")
    }

    @Test(arguments: ["br", "zstd", "gzip, br", "chunked", "gzip;q=1", "gzip, gzip, gzip, gzip"])
    func `an unknown coding is refused with the known ones, before the body is read`(_ encoding: String) throws {
        let stream = HTTPBodyStream()
        let request = try ServeRequest(
            method: .post,
            headers: ["content-encoding": encoding],
            body: HTTPBody(stream: stream)
        )
        let error = #expect(throws: UnsupportedContentCoding.self) { try request.decodingContent(.on()) }
        let response = ServeResponse(for: try #require(error))
        #expect(response.status == .unsupportedMediaType)
        #expect(response.headers["accept-encoding"] == "gzip, deflate")
    }

    @Test func `a request without content, or of a deployment that decodes nothing, stays as it is`() async throws {
        let empty = try Self.request("br", ByteBuffer()).decodingContent(.on())
        #expect(empty.headers["content-encoding"] == "br")
        let raw = try Self.request("br", ByteBuffer(string: "x")).decodingContent(.off)
        #expect(raw.headers["content-encoding"] == "br")
        #expect(try await raw.body.text() == "x")
        #expect(try await Self.decode("gzip", ByteBuffer(), in: 1) == ByteBuffer())
    }

    @Test func `the limit of a reader counts decoded bytes`() async throws {
        let body = Self.gzip(ByteBuffer(repeating: 0x61, count: 100_000))
        for pieces in [nil, 10] {
            #expect(try await Self.decode("gzip", body, in: pieces, upTo: 100_000).readableBytes == 100_000)
            #expect(
                await Self.status { _ = try await Self.decode("gzip", body, in: pieces, upTo: 99_999) }
                    == .contentTooLarge
            )
        }
    }

    // 42 KB that decode to 42 MB.
    @Test(arguments: ["gzip", "gzip, gzip"]) func `a bomb is refused while it is decoded`(_ encoding: String)
        async throws
    {
        var bomb = Self.gzip(ByteBuffer(repeating: 0, count: 42 << 20))
        if encoding != "gzip" { bomb = Self.gzip(bomb) }
        #expect(bomb.readableBytes < 42 << 10)
        var taken = 0
        let body = try Self.request(encoding, bomb).decodingContent(.on()).body
        let error = await #expect(throws: ServeHTTPError.self) {
            for try await piece in body {
                #expect(piece.readableBytes <= 64 << 10)
                taken += piece.readableBytes
            }
        }
        #expect(error?.status == .contentTooLarge)
        #expect(taken <= max(1 << 20, 200 * bomb.readableBytes))
        #expect(error?.message == "the request body decodes to more than 200 times the bytes that were sent")
    }

    /// Blocks of raw deflate without content, and the last one.
    private static let emptyBlock: [UInt8] = [0, 0, 0, 0xFF, 0xFF]
    private static let lastBlock: [UInt8] = [1, 0, 0, 0xFF, 0xFF]

    @Test(arguments: ["deflate, gzip", "deflate, gzip, gzip"])
    func `content that grows only before its last coding is undone is refused`(encoding: String) async throws {
        // Members of their own, so that it grows 100 times: less than the ratio for the last coding.
        let member = Self.gzip(ByteBuffer(bytes: [[UInt8]](repeating: Self.emptyBlock, count: 2000).joined()))
        #expect(4 * member.readableBytes < 10_000 && 10_000 < 200 * member.readableBytes)
        var bomb = ByteBuffer()
        for _ in 0..<400 { bomb.writeImmutableBuffer(member) }
        bomb.writeImmutableBuffer(Self.gzip(ByteBuffer(bytes: Self.lastBlock)))
        if encoding != "deflate, gzip" { bomb = Self.gzip(bomb) }
        let error = await #expect(throws: ServeHTTPError.self) { _ = try await Self.decode(encoding, bomb) }
        #expect(error?.status == .contentTooLarge)
        #expect(
            error?.message
                == "the request body has several codings, and without the outer ones it grows to more than 4 times the "
                + "bytes that were sent"
        )
    }

    @Test func `a little content may grow much before its last coding is undone`() async throws {
        let zeros = ByteBuffer(repeating: 0, count: 1 << 20)
        #expect(try await Self.decode("gzip, gzip, gzip", Self.gzip(Self.gzip(Self.gzip(zeros)))) == zeros)
    }

    @Test func `the ratio does not count below 1 MiB, and can be changed`() async throws {
        let small = Self.gzip(ByteBuffer(repeating: 0, count: 1 << 20))
        #expect(try await Self.decode("gzip", small).readableBytes == 1 << 20)
        let large = Self.gzip(ByteBuffer(repeating: 0, count: 4 << 20))
        #expect(await Self.status { _ = try await Self.decode("gzip", large) } == .contentTooLarge)
        let request = try Self.request("gzip", large).decodingContent(.on(maximumRatio: 2000))
        #expect(try await request.body.collect().readableBytes == 4 << 20)
    }

    @Test func `damaged data says what is wrong with it`() async throws {
        var garbage = Self.gzip(ByteBuffer(string: "a"))
        garbage.writeString("!")
        for (data, message) in [
            (ByteBuffer(string: "plain"), "incorrect header check"),
            (ByteBuffer(string: "\u{1F}"), "it ends in the middle of the data"),
            (garbage, "bytes follow the end of the data"),
        ] {
            let error = await #expect(throws: ServeHTTPError.self) { _ = try await Self.decode("gzip", data) }
            #expect(error?.message == "the request body is not valid gzip data: \(message)")
        }
    }

    @Test func `bytes in memory are decoded for each reader, and a stream for one`() async throws {
        let body = try Self.request("gzip", Self.gzip(ByteBuffer(string: "again"))).decodingContent(.on()).body
        for _ in 0..<2 { #expect(try await body.text() == "again") }
        let stream = try Self.request("gzip", Self.gzip(ByteBuffer(string: "once")), in: 4).decodingContent(.on()).body
        #expect(try await stream.text() == "once")
        await #expect(throws: ServeError.self) { try await stream.collect() }
    }
}
