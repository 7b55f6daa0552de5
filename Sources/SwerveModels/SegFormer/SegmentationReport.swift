public import SwerveVision

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A segmentation as JSON: a ``SegFormer``'s answer for `Accept: application/json`.
public struct SegmentationReport: Hashable, Sendable, Codable {
    /// A class that occurs in the picture.
    public struct Class: Hashable, Sendable, Codable {
        /// Its number in the map.
        public let label: Int
        /// Its name.
        public let name: String
        /// Its colour in pictures, as `#rrggbb`.
        public let color: String
        /// The number of its pixels.
        public let pixels: Int
        /// Its share of all pixels, from 0 to 1.
        public let share: Double
    }

    /// The width of the picture in pixels.
    public let width: Int
    /// The height of the picture in pixels.
    public let height: Int
    /// The classes that occur, most frequent first.
    public let classes: [Class]
    /// The class map: a PNG file of `width` times `height` pixels as a data URL, `data:image/png;base64,…`. The value
    /// of a pixel is its label; the palette of the file holds the colours. Nil when it was not requested.
    public let map: String?

    /// The prefix of ``map``, before the Base64-encoded file.
    static let mapPrefix = "data:image/png;base64,"

    /// - Parameters:
    ///   - map: the class of each pixel.
    ///   - classes: the name and the colour of each class, by label.
    ///   - includesMap: whether the report includes the map.
    /// - Throws: `ImageError` with code `invalidArgument` when the map has a class that is not in `classes`.
    public init(_ map: SegmentationMap, classes: [LegendEntry], includesMap: Bool = true) throws {
        let palette = try Palette(classes.map(\.color))
        let counts = map.histogram()
        width = map.width
        height = map.height
        let labels = map.labelsByFrequency().map(Int.init)
        guard labels.allSatisfy(classes.indices.contains) else {
            throw ImageError(
                .invalidArgument,
                "the map has labels up to \(labels.max() ?? 0), but only \(classes.count) have names"
            )
        }
        self.classes = labels.map { label in
            Class(
                label: label,
                name: classes[label].name,
                color: classes[label].color.hexadecimal,
                pixels: counts[label],
                share: Double(counts[label]) / Double(map.labels.count)
            )
        }
        self.map =
            includesMap ? try SegmentationReport.mapPrefix + Data(map.png(palette: palette)).base64EncodedString() : nil
    }
}
