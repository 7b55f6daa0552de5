/// Scales up class scores and picks the best class per pixel, without ever storing the scaled-up scores.
///
/// The result equals PyTorch's `F.interpolate(scores, size, mode="bilinear", align_corners=False).argmax(0)`, except
/// for pixels where two classes are equal up to the last bits: the order of the sums, and so their rounding, differs.
struct UpsampledArgmax {
    private typealias Lanes = SIMD8<Float>

    let classes: Int
    let height: Int
    let width: Int
    /// The number of vectors of eight classes per position.
    private let groups: Int

    /// - Parameters:
    ///   - classes: from 1 to 256.
    ///   - height: the height of the scores, at least 1.
    ///   - width: the width of the scores, at least 1.
    init(classes: Int, height: Int, width: Int) {
        precondition((1...256).contains(classes) && height > 0 && width > 0)
        self.classes = classes
        self.height = height
        self.width = width
        groups = (classes + 7) / 8
    }

    /// - Parameters:
    ///   - scores: `classes * height * width` numbers, class by class.
    ///   - newWidth: the number of columns of the result.
    ///   - newHeight: the number of rows of the result.
    /// - Returns: the best class of each pixel; of several equal ones, the lowest.
    func labels(of scores: UnsafePointer<Float>, newWidth: Int, newHeight: Int) -> [UInt8] {
        let positions = UnsafeMutablePointer<Lanes>.allocate(capacity: height * width * groups)
        defer { positions.deallocate() }
        gather(scores, into: positions)
        let row = UnsafeMutablePointer<Lanes>.allocate(capacity: width * groups)
        defer { row.deallocate() }
        let columns = (0..<newWidth).map { Neighbors(of: $0, oldSize: width, newSize: newWidth) }
        return [UInt8](unsafeUninitializedCapacity: newWidth * newHeight) { labels, initializedCount in
            initializedCount = newWidth * newHeight
            for y in 0..<newHeight {
                blendRows(positions, Neighbors(of: y, oldSize: height, newSize: newHeight), into: row)
                columns.withUnsafeBufferPointer { columns in
                    pickRow(row, columns, into: labels.baseAddress! + y * newWidth)
                }
            }
        }
    }

    /// The two old rows or columns between which a new one lies.
    private struct Neighbors {
        let low: Int
        let high: Int
        /// The weight of `high`, from 0 to 1.
        let fraction: Float

        init(of position: Int, oldSize: Int, newSize: Int) {
            let source = max(0, (Float(position) + 0.5) * (Float(oldSize) / Float(newSize)) - 0.5)
            low = min(Int(source), oldSize - 1)
            high = min(low + 1, oldSize - 1)
            fraction = min(max(source - Float(low), 0), 1)
        }
    }

    /// Places the classes of a position next to each other; unused lanes of the last vector get the lowest score.
    private func gather(_ scores: UnsafePointer<Float>, into positions: UnsafeMutablePointer<Lanes>) {
        let count = height * width
        let stride = groups * 8
        positions.initialize(repeating: Lanes(repeating: -.greatestFiniteMagnitude), count: count * groups)
        let target = UnsafeMutableRawPointer(positions).assumingMemoryBound(to: Float.self)
        // Works in blocks, so that the target's cache lines stay in the cache while all classes are written to them.
        var start = 0
        while start < count {
            let end = min(start + 16, count)
            for label in 0..<classes {
                let source = scores + label * count
                for i in start..<end { target[i * stride + label] = source[i] }
            }
            start = end
        }
    }

    private func blendRows(_ positions: UnsafePointer<Lanes>, _ rows: Neighbors, into row: UnsafeMutablePointer<Lanes>)
    {
        let low = positions + rows.low * width * groups
        let high = positions + rows.high * width * groups
        if rows.fraction == 0 {
            row.update(from: low, count: width * groups)
            return
        }
        let highWeight = Lanes(repeating: rows.fraction)
        let lowWeight = Lanes(repeating: 1 - rows.fraction)
        for i in 0..<(width * groups) { row[i] = low[i] * lowWeight + high[i] * highWeight }
    }

    /// All pixels between the same two old columns have the same few classes that can win.
    private func pickRow(
        _ row: UnsafePointer<Lanes>,
        _ columns: UnsafeBufferPointer<Neighbors>,
        into labels: UnsafeMutablePointer<UInt8>
    ) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: groups) { candidates in
            var count = 0
            var low = -1
            for x in columns.indices {
                if columns[x].low != low {
                    low = columns[x].low
                    count = findCandidates(row + low * groups, row + columns[x].high * groups, into: candidates)
                }
                labels[x] = bestClass(
                    in: row,
                    at: columns[x],
                    among: UnsafeBufferPointer(rebasing: candidates[..<count])
                )
            }
        }
    }

    /// A class whose larger score is below the smaller score of another class loses everywhere between the two
    /// positions, because weights are from 0 to 1. The margin covers the rounding of the weighted sums.
    private func findCandidates(
        _ low: UnsafePointer<Lanes>,
        _ high: UnsafePointer<Lanes>,
        into candidates: UnsafeMutableBufferPointer<Int>
    ) -> Int {
        var floors = Lanes(repeating: -.greatestFiniteMagnitude)
        for group in 0..<groups {
            let smaller = low[group].replacing(with: high[group], where: high[group] .< low[group])
            floors.replace(with: smaller, where: smaller .> floors)
        }
        let floor = floors.max()
        let bar = Lanes(repeating: floor - abs(floor) * 1e-5 - 1e-30)
        var count = 0
        for group in 0..<groups {
            let hasCandidate = (low[group] .>= bar) .| (high[group] .>= bar)
            // Comparisons with NaN are false, so groups with NaN are kept, as they would be without this selection.
            let isOdd = (low[group] .!= low[group]) .| (high[group] .!= high[group])
            if any(hasCandidate .| isOdd) {
                candidates[count] = group
                count += 1
            }
        }
        return count
    }

    private func bestClass(
        in row: UnsafePointer<Lanes>,
        at column: Neighbors,
        among candidates: UnsafeBufferPointer<Int>
    ) -> UInt8 {
        let low = row + column.low * groups
        let high = row + column.high * groups
        let highWeight = Lanes(repeating: column.fraction)
        let lowWeight = Lanes(repeating: 1 - column.fraction)
        var best = Lanes(repeating: -.infinity)
        var bestLabels = SIMD8<Int32>(repeating: 0)
        let lanes = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
        for group in candidates {
            let labels = lanes &+ Int32(truncatingIfNeeded: group * 8)
            let value = low[group] * lowWeight + high[group] * highWeight
            let isBetter = value .> best
            best.replace(with: value, where: isBetter)
            bestLabels.replace(with: labels, where: isBetter)
        }
        let top = best.max()
        var winner = Int32.max
        for lane in 0..<8 where best[lane] == top { winner = min(winner, bestLabels[lane]) }
        return UInt8(truncatingIfNeeded: min(winner, Int32(classes - 1)))
    }
}
