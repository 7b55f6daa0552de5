import Swerve
import SwerveModels
import SwerveVision
import SwerveVisionHTTP

// The flow of calls apart from the logic: the same services, and some functions, become nodes of graphs.

/// Reads the picture from a request.
@FunctionDeployment
func unpackRequest(_ request: RawRequest) async throws -> Image {
    try await request.request().image()
}

@FunctionDeployment
func sharpener(_ image: Image, by factor: Double = 8) throws -> Image {
    try image.sharpened(factor: factor)
}

/// Answers the request with the map in the form that the client wants.
@FunctionDeployment
func packResponse(
    _ request: RawRequest,
    _ image: Image,
    _ map: SegmentationMap,
    _ classes: [LegendEntry]
) async throws -> RawResponse {
    let answer = try SegmentationAnswer(for: try request.request())
    return try await RawResponse(answer.response(with: map, of: image, classes: classes))
}

/// Picks for each pixel the class that most maps vote for; in a tie, the one voted for first.
@FunctionDeployment
func vote(_ maps: [SegmentationMap]) throws -> SegmentationMap {
    guard let first = maps.first else { throw ServeHTTPError(.unprocessableContent, "there are no maps to vote with") }
    guard maps.allSatisfy({ $0.width == first.width && $0.height == first.height }) else {
        throw ServeHTTPError(.unprocessableContent, "the maps have different sizes")
    }
    var labels = first.labels
    var votes = [UInt8](repeating: 0, count: 256)
    for pixel in labels.indices {
        for map in maps { votes[Int(map.labels[pixel])] += 1 }
        for map in maps where votes[Int(map.labels[pixel])] > votes[Int(labels[pixel])] {
            labels[pixel] = map.labels[pixel]
        }
        for map in maps { votes[Int(map.labels[pixel])] = 0 }
    }
    return try SegmentationMap(width: first.width, height: first.height, labels: labels)
}

/// The graph of the last part of the course, and two more.
struct Graphs {
    /// Binds the model, with deployment options.
    var segmenter: (Segmenter.Configured) -> Segmenter

    typealias Answer = GraphNode<RawRequest, RawResponse>

    /// unpack → sharpen → segment → pack, one after another.
    func basicLinear() -> Answer {
        let segmenter = segmenter(Segmenter.options())
        let httpRequest = InputNode<RawRequest>()
        let inputImage = unpackRequestDeployment.bind().nodes(httpRequest)
        let sharpenedImage = sharpenerDeployment.bind().nodes(inputImage, by: 8)
        let segmented = segmenter.nodes.segment(sharpenedImage)
        return packResponseDeployment.bind().nodes(httpRequest, inputImage, segmented, segmenter.nodes.classes())
    }

    /// Two segmenters with separate replicas process the picture at the same time: one unchanged, one sharpened.
    func ensemble() -> Answer {
        let request = InputNode<RawRequest>()
        let image = unpackRequestDeployment.bind().nodes(request)
        let sharp = sharpenerDeployment.bind().nodes(image, by: 2)
        let plain = segmenter(Segmenter.options(name: "plain"))
        let sharpened = segmenter(Segmenter.options(name: "sharpened"))
        let maps = [plain.nodes.segment(image), sharpened.nodes.segment(sharp)]
        let map = voteDeployment.bind().nodes(.array(maps))
        return packResponseDeployment.bind().nodes(request, image, map, plain.nodes.classes())
    }

    /// Two routes over the same deployments: the sharpened picture, and the linear graph.
    func routes() -> [String: any GraphRouteConvertible] {
        let image = InputNode<Image>()
        return [
            "/sharp": sharpenerDeployment.bind().nodes(image).route(ImageAdapter(isUpright: true)),
            "/map": basicLinear(),
        ]
    }

    /// Serves the two graphs that are not the course's.
    func runMore() async throws {
        try await Serve.run(GraphDriver.bind(ensemble()), name: "ensemble", routePrefix: "/ensemble")
        try await Serve.run(GraphDriver.bind(routes()), name: "graph-routes", routePrefix: "/graph")
    }
}
