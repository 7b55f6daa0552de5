import Swerve
import SwerveModels
import SwerveTensor
import SwerveVision
import SwerveVisionHTTP

// The services of the course, in the same order and with the same names. Those that the course calls only by handle
// answer HTTP too, because each is an application of its own here.

/// The first service: text in, text out.
@Deployment
distributed actor TextConverter: HTTPIngress {
    distributed func convert(_ text: String) -> String {
        "***" + text.uppercased() + "***"
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text(convert(try await request.body.text()))
    }
}

/// The first service with state, and the first that answers HTTP.
@Deployment
distributed actor Threshold: HTTPIngress {
    private let threshold: Int

    init(threshold: Int) {
        self.threshold = threshold
    }

    /// Each element of an array of any shape becomes 255 if it is above the threshold, otherwise 0.
    distributed func getResponse(_ image: Tensor) throws -> Tensor {
        try image.thresholded(threshold)
    }

    /// A picture in, a picture out; at `/array`, an array of any shape and type in and out.
    func respond(to request: ServeRequest) async throws -> ServeResponse {
        if request.path == "/array" {
            let array = try await Tensor.input(from: request)
            do {
                return try getResponse(array).response(to: request)
            } catch let error as TensorError {
                throw ServeHTTPError(.unprocessableContent, error.message)
            }
        }
        let image = try await request.image()
        return try .image(Image(array: getResponse(image.array())), for: request)
    }
}

/// The model. Its initialiser loads it once per replica.
@Deployment(maxOngoingRequests: 8)
distributed actor Segmenter: HTTPIngress {
    private let model: SegFormerModel

    init(
        modelName: String,
        revision: String = "main",
        variant: ONNXVariant = .standard,
        session: ONNXSessionOptions = SegFormerOptions.defaultSession
    ) async throws {
        model = try await SegFormerModel.load(modelName, revision: revision, variant: variant, session: session)
    }

    distributed func segment(_ image: Image) async throws -> SegmentationMap {
        try await model.segment(image)
    }

    /// The names and colours of the classes, to draw a map with.
    distributed func classes() -> [LegendEntry] {
        model.legend
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        if request.method == .get { return try .json(model.details) }
        return try await request.segmented(classes: { classes() }, by: { try await model.segment($0) })
    }
}

/// Composition: a service that is given another one. It sharpens the picture, then calls the model, wherever its
/// replicas are.
@Deployment
distributed actor SharpenThenSegment: HTTPIngress {
    private let segmenter: Segmenter

    init(segmenter: Segmenter) {
        self.segmenter = segmenter
    }

    distributed func process(_ image: Image) async throws -> SegmentationMap {
        try await segmenter.segment(image.sharpened(factor: 8))
    }

    distributed func classes() async throws -> [LegendEntry] {
        try await segmenter.classes()
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        try await request.segmented(classes: { try await classes() }, by: { try await process($0) })
    }
}

/// An ingress, which keeps HTTP out of the other services.
@Deployment
distributed actor Ingress: HTTPIngress {
    private let processor: SharpenThenSegment

    init(processor: SharpenThenSegment) {
        self.processor = processor
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        guard request.path == "/" else { throw ServeHTTPError(.notFound, "a picture is segmented at /") }
        return try await request.segmented(
            classes: { try await processor.classes() },
            by: { try await processor.process($0) }
        )
    }
}

extension ServeRequest {
    /// Reads the picture, has it segmented, and answers with the map in the form that the client wants.
    func segmented(
        classes: () async throws -> [LegendEntry],
        by segment: (Image) async throws -> SegmentationMap
    ) async throws -> ServeResponse {
        let answer = try SegmentationAnswer(for: self)
        let image = try await image()
        return try answer.response(with: try await segment(image), of: image, classes: try await classes())
    }
}
