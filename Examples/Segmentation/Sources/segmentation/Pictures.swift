import SwerveONNX
import SwerveVision

extension SegFormerModel {
    /// The classes with their colours, as a legend shows them.
    var legend: [LegendEntry] {
        let colors = palette.colors
        return configuration.labels.enumerated().map { LegendEntry(name: $1, color: colors[$0 % colors.count]) }
    }
}

extension SegmentationMap {
    /// The class map laid over the picture, and beside it a legend of the classes that occur.
    func picture(over image: Image, legend: [LegendEntry]) throws -> Image {
        let palette = try Palette(legend.map(\.color))
        let overlay = try image.overlay(labels: labels, palette: palette)
        let present = Set(labels)
        let shown = legend.enumerated().filter { present.contains(UInt8(clamping: $0.offset)) }.map(\.element)
        guard !shown.isEmpty else { return overlay }
        let scale = max(2, min(4, image.height / 200))
        return try Image.sideBySide([overlay, try Image.legend(shown, scale: scale)])
    }
}
