import Swerve
import SwerveONNX
import SwerveVision
import SwerveVisionHTTP

extension SegFormerModel {
    /// The classes with their colours, as a legend shows them.
    var legend: [LegendEntry] {
        let colors = palette.colors
        return configuration.labels.enumerated().map { LegendEntry(name: $1, color: colors[$0 % colors.count]) }
    }
}

extension SegmentationMap {
    /// What a client asked for: the class map as an array, or one of the pictures of it.
    func response(
        to request: HTTPRequest,
        _ picture: SegmentationPicture,
        of image: Image,
        classes: [LegendEntry]
    ) throws -> HTTPResponse {
        if request.acceptsArray { return try .labels(labels, width: width, height: height) }
        return try .image(picture.drawn(of: image, labels: labels, classes: classes), for: request)
    }
}
