import NIOCore
import SwerveHTTPTypes
import SwerveVision
import SwerveVisionHTTP
import Testing

@Suite("Pictures in requests and responses")
struct ImageRequestTests {
    private static func picture() throws -> Image {
        try Image(width: 3, height: 2, channels: 3, pixels: (0..<18).map(UInt8.init))
    }

    private static func request(
        _ body: ByteBuffer,
        path: String = "/",
        headers: HTTPHeaders = [:]
    ) throws -> ServeRequest {
        try ServeRequest(method: .post, path: path, headers: headers, body: HTTPBody(body))
    }

    /// A form with these fields; fields with a file name are files.
    private static func form(_ fields: [(name: String, file: String?, body: ByteBuffer)]) throws -> ServeRequest {
        var body = ByteBuffer()
        for field in fields {
            let file = field.file.map { "; filename=\"\($0)\"" } ?? ""
            body.writeString("--=_b\r\nContent-Disposition: form-data; name=\"\(field.name)\"\(file)\r\n\r\n")
            body.writeImmutableBuffer(field.body)
            body.writeString("\r\n")
        }
        body.writeString("--=_b--\r\n")
        return try request(body, headers: ["content-type": "multipart/form-data; boundary=\"=_b\""])
    }

    private static func png() throws -> ByteBuffer { ByteBuffer(bytes: try picture().png()) }

    @Test("A picture is read from the body, whatever the content type says")
    func body() async throws {
        let picture = try Self.picture()
        for type in ["image/png", "application/octet-stream", "application/x-www-form-urlencoded"] {
            let request = try Self.request(try Self.png(), headers: ["content-type": type])
            #expect(try await request.image() == picture)
        }
        #expect(try await Self.request(try picture.npy()).image() == picture)
        #expect(try await Self.request(try picture.npy()).image(as: .grayscale) == picture.grayscale())
    }

    @Test("A picture is read from the only file of a form, or from the named field")
    func forms() async throws {
        let picture = try Self.picture()
        let note = ByteBuffer(string: "a note")
        #expect(try await Self.form([("note", nil, note), ("photo", "a.png", Self.png())]).image() == picture)
        let two = [("one", "1.txt" as String?, note), ("two", "2.npy" as String?, try picture.npy())]
        #expect(try await Self.form(two).image(field: "two") == picture)
        for (request, message) in [
            (try Self.form(two), "the form needs one file, the picture; it has 2"),
            (try Self.form([("note", nil, note)]), "the form needs one file, the picture; it has 0"),
        ] {
            let error = await #expect(throws: ServeHTTPError.self) { try await request.image() }
            #expect(error == ServeHTTPError(.badRequest, message))
        }
        let error = await #expect(throws: ServeHTTPError.self) { try await Self.form(two).image(field: "three") }
        #expect(error == ServeHTTPError(.badRequest, "the form has no field 'three'"))
    }

    @Test("A body that is not a picture is answered with the status that says why")
    func statuses() async throws {
        let png = try Self.png()
        let gif = ByteBuffer(string: "GIF89a")
        let floats = ByteBuffer(bytes: Self.floatArray)
        let small = ImageLimits(maximumPixels: 5)
        let cases: [(ByteBuffer, ImageLimits, HTTPStatus)] = [
            (gif, ImageLimits(), .unsupportedMediaType), (ByteBuffer(), ImageLimits(), .unsupportedMediaType),
            (png, small, .contentTooLarge), (try Self.picture().npy(), small, .contentTooLarge),
            (png.getSlice(at: 0, length: 40) ?? png, ImageLimits(), .badRequest), (floats, ImageLimits(), .badRequest),
        ]
        for (body, limits, status) in cases {
            let request = try Self.request(body)
            let error = await #expect(throws: ServeHTTPError.self) { try await request.image(limits: limits) }
            #expect(error?.status == status)
        }
        let error = await #expect(throws: ServeHTTPError.self) { try await Self.request(gif).image() }
        #expect(error?.message == "a GIF file; JPEG, PNG, WebP, AVIF and HEIC are accepted, and NumPy arrays (.npy)")
        let large = try Self.request(png)
        let tooLong = await #expect(throws: (any Error).self) { try await large.image(maxBytes: 10) }
        #expect(tooLong.map { ServeResponse(for: $0).status } == .contentTooLarge)
    }

    /// A `.npy` file of one float.
    private static let floatArray: [UInt8] = {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }"
        let header = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8) + [0, 0, 0, 0]
    }()

    @Test("A picture is answered in the format that the request accepts, and survives as PNG and as an array")
    func responses() async throws {
        let picture = try Self.picture()
        for (accept, type) in [
            ("*/*", "image/png"), ("image/jpeg", "image/jpeg"), ("image/png, image/jpeg", "image/png"),
            ("application/x-npy", "application/x-npy"), ("image/webp", "image/webp"),
        ] {
            let response = try await ServeResponse.image(
                picture,
                for: Self.request(ByteBuffer(), headers: ["accept": accept])
            )
            #expect(response.headers["content-type"] == type)
            #expect(response.headers["vary"] == "accept")
            let bytes = try #require(response.body.completeBytes)
            let sent = try await Self.request(bytes).image()
            // JPEG and WebP are close to the picture.
            let isExact = type != "image/jpeg" && type != "image/webp"
            #expect(isExact ? sent == picture : sent.width == picture.width)
        }
    }

    @Test("The query chooses the segmentation picture, and an unknown one is refused with the list")
    func pictures() throws {
        func chosen(_ path: String) throws -> SegmentationPicture {
            try Self.request(ByteBuffer(), path: path).segmentationPicture()
        }
        #expect(try chosen("/") == .overlay)
        #expect(try chosen("/?picture=side-by-side") == .sideBySide)
        #expect(try chosen("/?a=b&picture=contour") == .contour)
        let error = #expect(throws: ServeHTTPError.self) { try chosen("/?picture=cubist") }
        #expect(
            error
                == ServeHTTPError(
                    .badRequest,
                    "no picture named 'cubist'; the names are overlay, side-by-side, contour"
                )
        )
        #expect(throws: ServeHTTPError.self) { try chosen("/?picture=") }
    }
}
