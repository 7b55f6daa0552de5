import Swerve
import SwerveONNX
import SwerveVision
import SwerveVisionHTTP

// The services of the course, in its order. Each answers HTTP by itself and is called with types by the others.

/// Step 1: the smallest service. Text in, text out.
@Deployment
distributed actor TextConverter: HTTPIngress {
    distributed func convert(_ text: String) -> String {
        text.uppercased()
    }

    func respond(to request: HTTPRequest) async throws -> HTTPResponse {
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

    func respond(to request: HTTPRequest) async throws -> HTTPResponse {
        try .image(apply(try await request.image()), for: request)
    }
}

/// Step 4: the model. The session is made once per replica; its runs use threads of their own.
///
/// Answers the class map as an array, or a picture of it: `?picture=overlay`, `side-by-side` or `contour`.
@Deployment(maxOngoingRequests: 8)
distributed actor Segmenter: HTTPIngress {
    private let model: SegFormerModel

    /// - Parameters:
    ///   - model: a folder with `model.onnx`, `config.json` and `preprocessor_config.json`.
    ///   - threads: how many threads one run of the model uses; 0 lets ONNX Runtime choose.
    init(model: String, threads: Int = 0) async throws {
        // CUDA if it is available, as the course does.
        // Two runs at a time: one request's picture is prepared while the model works on another's.
        let options = ONNXSessionOptions(intraOpThreads: threads, providers: [.cuda(), .cpu], concurrentRuns: 2)
        self.model = try await SegFormerModel.load(folder: model, runtime: try ONNXRuntime.load(), options: options)
    }

    distributed func segment(_ image: Image) async throws -> SegmentationMap {
        try await model.segment(image)
    }

    distributed func classes() -> [LegendEntry] {
        model.legend
    }

    func respond(to request: HTTPRequest) async throws -> HTTPResponse {
        let picture = try request.segmentationPicture()
        let image = try await request.image()
        return try await segment(image).response(to: request, picture, of: image, classes: classes())
    }
}

/// Step 5: composition. The picture is sharpened first, then given to the model, wherever its replicas are.
@Deployment
distributed actor SharpenThenSegment: HTTPIngress {
    private let segmenter: Segmenter

    init(segmenter: Segmenter) {
        self.segmenter = segmenter
    }

    distributed func process(_ image: Image) async throws -> SegmentationMap {
        try await segmenter.segment(try image.sharpened(factor: 8))
    }

    func respond(to request: HTTPRequest) async throws -> HTTPResponse {
        let picture = try request.segmentationPicture()
        let image = try await request.image()
        return try await process(image).response(
            to: request,
            picture,
            of: image,
            classes: try await segmenter.classes()
        )
    }
}

/// Step 6: one ingress in front of all of them, by path.
@Deployment
distributed actor Ingress: HTTPIngress {
    private let textConverter: TextConverter
    private let threshold: Threshold
    private let segmenter: Segmenter
    private let sharpenThenSegment: SharpenThenSegment

    init(
        textConverter: TextConverter,
        threshold: Threshold,
        segmenter: Segmenter,
        sharpenThenSegment: SharpenThenSegment
    ) {
        self.textConverter = textConverter
        self.threshold = threshold
        self.segmenter = segmenter
        self.sharpenThenSegment = sharpenThenSegment
    }

    func respond(to request: HTTPRequest) async throws -> HTTPResponse {
        switch request.path {
        case "/text-converter":
            return .text(try await textConverter.convert(try await request.body.text()))
        case "/threshold":
            return try .image(try await threshold.apply(try await request.image()), for: request)
        case "/segment", "/":
            let picture = try request.segmentationPicture()
            let image = try await request.image()
            let map = try await segmenter.segment(image)
            return try map.response(to: request, picture, of: image, classes: try await segmenter.classes())
        case "/sharpen-then-segment":
            let picture = try request.segmentationPicture()
            let image = try await request.image()
            let map = try await sharpenThenSegment.process(image)
            return try map.response(to: request, picture, of: image, classes: try await segmenter.classes())
        default:
            throw HTTPError(.notFound, "there is /, /text-converter, /threshold, /segment and /sharpen-then-segment")
        }
    }
}
