import Swerve
import SwerveModels
import SwerveVision
import SwerveVisionHTTP

// The services of the course, in the same order. Each answers HTTP itself, and the others call it with typed values.

/// Step 1: the smallest service. Text in, text out.
@Deployment
distributed actor TextConverter: HTTPIngress {
    distributed func convert(_ text: String) -> String {
        text.uppercased()
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text(convert(try await request.body.text()))
    }
}

/// Steps 2 and 3: a picture turned black and white, called by handle and over HTTP.
@Deployment
distributed actor Threshold: HTTPIngress {
    private let threshold: Int

    init(threshold: Int = 128) {
        self.threshold = threshold
    }

    distributed func apply(_ image: Image) -> Image {
        image.grayscale().thresholded(threshold)
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        try await .image(apply(try await request.image()), for: request)
    }
}

// Step 4 is the model: `SegFormer` from SwerveModels, a deployment like these. Its initialiser loads the model once per
// replica; handles call `segment(_:)`; over HTTP it answers with the class map, JSON or a picture.

/// Step 5: composition. Sharpens the picture, then passes it to the model, wherever its replicas are.
@Deployment
distributed actor SharpenThenSegment: HTTPIngress {
    private let segmenter: SegFormer

    init(segmenter: SegFormer) {
        self.segmenter = segmenter
    }

    distributed func process(_ image: Image) async throws -> SegmentationMap {
        try await segmenter.segment(try image.sharpened(factor: 8))
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let answer = try SegmentationAnswer(for: request)
        let image = try await request.image()
        return try await answer.response(
            with: try await process(image),
            of: image,
            classes: try await segmenter.classes()
        )
    }
}

/// Step 6: one ingress in front of all services, chosen by path.
@Deployment
distributed actor Ingress: HTTPIngress {
    private let textConverter: TextConverter
    private let threshold: Threshold
    private let segmenter: SegFormer
    private let sharpenThenSegment: SharpenThenSegment

    init(
        textConverter: TextConverter,
        threshold: Threshold,
        segmenter: SegFormer,
        sharpenThenSegment: SharpenThenSegment
    ) {
        self.textConverter = textConverter
        self.threshold = threshold
        self.segmenter = segmenter
        self.sharpenThenSegment = sharpenThenSegment
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/text-converter":
            return .text(try await textConverter.convert(try await request.body.text()))
        case "/threshold":
            return try await .image(try await threshold.apply(try await request.image()), for: request)
        case "/segment", "/":
            if request.method == .get { return try .json(try await segmenter.describe()) }
            return try await answer(request) { try await segmenter.segment($0) }
        case "/sharpen-then-segment":
            return try await answer(request) { try await sharpenThenSegment.process($0) }
        default:
            throw ServeHTTPError(
                .notFound,
                "there are /, /text-converter, /threshold, /segment and /sharpen-then-segment"
            )
        }
    }
    private func answer(
        _ request: ServeRequest,
        _ segment: (Image) async throws -> SegmentationMap
    ) async throws -> ServeResponse {
        let answer = try SegmentationAnswer(for: request)
        let image = try await request.image()
        let map = try await segment(image)
        return try await answer.response(with: map, of: image, classes: try await segmenter.classes())
    }
}
