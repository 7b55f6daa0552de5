/// Draws letters as round strokes along the dots of ``BitmapFont``, smooth at every scale.
enum StrokeText {
    /// Half the width of a stroke, in dots.
    private static let radius = 0.46
    /// The space between two letters, in dots.
    private static let spacing = 1.5
    private static let spaceWidth = 3.0

    /// The width of a text in dots.
    static func width(of text: some StringProtocol) -> Double {
        let advances = text.map { advance(of: Glyph($0)) }
        return max(0, advances.reduce(0, +) - spacing)
    }

    /// The distance from a letter's left end to that of the next letter, in dots.
    private static func advance(of glyph: Glyph) -> Double {
        glyph.isEmpty ? spaceWidth : Double(glyph.lastColumn - glyph.firstColumn) + 1 + spacing
    }

    /// Draws a text on one line.
    ///
    /// - Parameters:
    ///   - x: the left end in pixels.
    ///   - y: the top of capital letters, which are 7 dots high, in pixels.
    ///   - scale: the number of pixels from one dot to the next.
    static func draw(_ text: String, on canvas: inout Canvas, x: Double, y: Double, scale: Double, _ color: RGBColor) {
        var left = x
        for character in text {
            let glyph = Glyph(character)
            draw(glyph, on: &canvas, x: left - Double(glyph.firstColumn) * scale, y: y, scale: scale, color)
            left += advance(of: glyph) * scale
        }
    }

    private static func draw(
        _ glyph: Glyph,
        on canvas: inout Canvas,
        x: Double,
        y: Double,
        scale: Double,
        _ color: RGBColor
    ) {
        guard !glyph.isEmpty else { return }
        let strokes = glyph.strokes
        for row in Int(y - scale)...Int(y + 9 * scale) {
            for column in Int(x - scale)...Int(x + 6 * scale) {
                // The pixel's centre in dots; the centre of the first dot is at 0.
                let px = (Double(column) + 0.5 - x) / scale - 0.5
                let py = (Double(row) + 0.5 - y) / scale - 0.5
                let nearest = strokes.map { $0.squaredDistance(px, py) }.min() ?? .infinity
                let coverage = (radius - nearest.squareRoot()) * scale + 0.5
                if coverage > 0 { canvas.blend(x: column, y: row, color, opacity: min(1, coverage)) }
            }
        }
    }

    private struct Stroke {
        var x: Double
        var y: Double
        var dx: Double
        var dy: Double

        func squaredDistance(_ px: Double, _ py: Double) -> Double {
            let length = dx * dx + dy * dy
            let along = length == 0 ? 0 : max(0, min(1, ((px - x) * dx + (py - y) * dy) / length))
            let (ax, ay) = (px - x - along * dx, py - y - along * dy)
            return ax * ax + ay * ay
        }
    }

    private struct Glyph {
        private var dots: Set<Int> = []
        private(set) var firstColumn = 0
        private(set) var lastColumn = 0

        init(_ character: Character) {
            BitmapFont.forEachDot(of: character) { column, row in dots.insert(row * 8 + column) }
            firstColumn = dots.map { $0 % 8 }.min() ?? 0
            lastColumn = dots.map { $0 % 8 }.max() ?? 0
        }

        var isEmpty: Bool { dots.isEmpty }

        private func has(_ column: Int, _ row: Int) -> Bool {
            (0..<5).contains(column) && row >= 0 && dots.contains(row * 8 + column)
        }

        /// A stroke from each dot to its neighbours; a diagonal one only where no other path connects the two.
        var strokes: [Stroke] {
            dots.sorted().flatMap { dot -> [Stroke] in
                let (column, row) = (dot % 8, dot / 8)
                var ends: [(Int, Int)] = []
                if has(column + 1, row) { ends.append((1, 0)) }
                if has(column, row + 1) {
                    ends.append((0, 1))
                } else {
                    if has(column + 1, row + 1), !has(column + 1, row) { ends.append((1, 1)) }
                    if has(column - 1, row + 1), !has(column - 1, row) { ends.append((-1, 1)) }
                }
                if ends.isEmpty { ends.append((0, 0)) }
                return ends.map {
                    Stroke(x: Double(column), y: Double(row), dx: Double($0.0), dy: Double($0.1))
                }
            }
        }
    }
}
