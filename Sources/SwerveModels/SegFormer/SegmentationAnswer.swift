public import SwerveHTTPTypes
public import SwerveVision
internal import SwerveVisionHTTP

/// The form in which a client wants a segmentation: a picture, the class map, or a report.
///
/// Read it from a request before the picture, so that a mistake is answered before the model runs.
public struct SegmentationAnswer: Sendable {
    private enum Kind {
        case picture(SegmentationPicture)
        case map
        case report(includesMap: Bool)
    }

    private let kind: Kind
    private let request: ServeRequest

    /// Reads the requested form from the query and the `Accept` header:
    ///
    /// * `application/x-npy`: the class map as a NumPy array of bytes, height × width.
    /// * `application/json`: a ``SegmentationReport``, without the map for `?map=none`.
    /// * otherwise: a picture, `?picture=overlay`, `side-by-side` or `contour`; JPEG for `image/jpeg`,
    ///   WebP for `image/webp`, else PNG.
    ///
    /// - Throws: ``ServeHTTPError`` with status 400 for an unknown name of a picture or map, 406 if `Accept` excludes all
    ///   of them.
    public init(for request: ServeRequest) throws {
        self.request = request
        let picture = try request.segmentationPicture()
        let map = request.queryValue("map") ?? "png"
        guard map == "png" || map == "none" else {
            throw ServeHTTPError(.badRequest, "no map named '\(map.prefix(40))'; the names are png, none")
        }
        switch try request.accepted(of: .png, .jpeg, .webP, .array, .json) {
        case .array: kind = .map
        case .json: kind = .report(includesMap: map == "png")
        default: kind = .picture(picture)
        }
    }

    /// Draws and encodes the answer off the caller's actor, see `PictureWork`.
    ///
    /// - Parameters:
    ///   - map: the class of each pixel of the picture.
    ///   - image: the picture.
    ///   - classes: the name and the colour of each class, by label.
    /// - Throws: `ImageError`; `CancellationError`.
    public func response(
        with map: SegmentationMap,
        of image: Image,
        classes: [LegendEntry]
    ) async throws -> ServeResponse {
        try await PictureWork.current.run {
            try made(with: map, of: image, classes: classes).varying(by: "accept")
        }
    }

    private func made(with map: SegmentationMap, of image: Image, classes: [LegendEntry]) throws -> ServeResponse {
        switch kind {
        case .map: try .labels(map.labels, width: map.width, height: map.height)
        case .report(let includesMap):
            try .json(SegmentationReport(map, classes: classes, includesMap: includesMap))
        case .picture(let picture):
            try .image(picture.drawn(of: image, labels: map.labels, classes: classes), for: request)
        }
    }
}
