import Swerve
import SwerveModels
import SwerveTensor
import SwerveVision
import SwerveVisionHTTP

// The services of the course, in the same order and with the same names. Those that the course calls only by handle
// have routes too, because each is an application of its own here.

/// The first service: text in, text out.
@Deployment
distributed actor TextConverter: RoutedIngress {
    static let routes: HTTPRoutes<TextConverter> = [
        .post("/") { converter, request in .text(converter.convert(try await request.body.text())) }
    ]

    distributed func convert(_ text: String) -> String {
        "***" + text.uppercased() + "***"
    }
}

/// The first service with state, and the first that answers HTTP: a picture in, a picture out. At `/array` it takes and
/// gives an array of any shape and type.
@Deployment
distributed actor Threshold: RoutedIngress {
    static let routes: HTTPRoutes<Threshold> = [
        .post("/") { threshold, request in
            let image = try await request.image()
            return try await .image(Image(array: threshold.getResponse(image.array())), for: request)
        },
        .post("/array") { threshold, request in
            let array = try await Tensor.input(from: request)
            do {
                return try threshold.getResponse(array).response(to: request)
            } catch let error as TensorError {
                throw ServeHTTPError(.unprocessableContent, error.message)
            }
        },
    ]

    private let threshold: Int

    init(threshold: Int) {
        self.threshold = threshold
    }

    /// Each element of an array of any shape becomes 255 if it is above the threshold, otherwise 0.
    distributed func getResponse(_ image: Tensor) throws -> Tensor {
        try image.thresholded(threshold)
    }
}

/// The model. Its initialiser loads it once per replica.
@Deployment(maxOngoingRequests: 8)
distributed actor Segmenter: RoutedIngress {
    static let routes: HTTPRoutes<Segmenter> = [
        .get("/") { segmenter, _ in try .json(segmenter.model.details) },
        .post("/") { segmenter, request in
            try await request.segmented(classes: { segmenter.classes() }, by: { try await segmenter.segment($0) })
        },
    ]

    private let model: SegFormerModel

    init(
        modelName: ModelName,
        variant: ONNXVariant = .standard,
        session: ONNXSessionOptions = SegFormerOptions.defaultSession
    ) async throws {
        model = try await SegFormerModel.load(modelName, variant: variant, session: session)
    }

    distributed func segment(_ image: Image) async throws -> SegmentationMap {
        try await model.segment(image)
    }

    /// The names and colours of the classes, to draw a map with.
    distributed func classes() -> [LegendEntry] {
        model.legend
    }
}

/// Composition: a service that is given another one. It sharpens the picture, then calls the model, wherever its
/// replicas are.
@Deployment
distributed actor SharpenThenSegment: RoutedIngress {
    static let routes: HTTPRoutes<SharpenThenSegment> = [
        .post("/") { service, request in
            try await request.segmented(classes: { try await service.classes() }, by: { try await service.process($0) })
        }
    ]

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
}

/// An ingress, which keeps HTTP out of the other services.
@Deployment
distributed actor Ingress: RoutedIngress {
    static let routes: HTTPRoutes<Ingress> = [
        .post("/") { ingress, request in
            let processor = ingress.processor
            return try await request.segmented(
                classes: { try await processor.classes() },
                by: { try await processor.process($0) }
            )
        }
    ]

    private let processor: SharpenThenSegment

    init(processor: SharpenThenSegment) {
        self.processor = processor
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
        return try await answer.response(with: try await segment(image), of: image, classes: try await classes())
    }
}
