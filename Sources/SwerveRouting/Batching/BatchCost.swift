internal import SwerveCore

/// How long a batch takes, learned from those that ran: a fixed part, a part for each unit of size, and a margin.
///
/// Least squares in which older batches count less and less.
struct BatchCost: Sendable {
    /// The share of an observation's weight that is left after the next one.
    private static var memory: Double { 0.98 }
    /// How many batches of one size it takes until their sizes say more than the first guess: that half of the time is
    /// the fixed part.
    private static var doubt: Double { 0.25 }
    /// The margin in mean deviations.
    private static var marginFactor: Double { 3 }

    private var weight = 0.0
    private var (size, time) = (0.0, 0.0)
    private var (squares, products) = (0.0, 0.0)
    private var deviation = 0.0

    /// Whether any batch has ended.
    var isKnown: Bool { weight > 0 }

    mutating func note(size: Int, time: Duration) {
        let (x, y) = (Double(size), Double(time.nanoseconds))
        // A first guess at the deviation, which later batches correct.
        deviation = isKnown ? deviation + (abs(y - mean(of: x)) - deviation) / 16 : y / 16
        weight = weight * Self.memory + 1
        self.size = self.size * Self.memory + x
        self.time = self.time * Self.memory + y
        squares = squares * Self.memory + x * x
        products = products * Self.memory + x * y
    }

    /// Nanoseconds for each unit of size.
    private var slope: Double {
        let (x, y) = (size / weight, time / weight)
        guard x > 0 else { return 0 }
        let guess = y / x / 2
        let spread = max(0, squares / weight - x * x)
        return max(0, (products / weight - x * y + Self.doubt * guess) / (spread + Self.doubt))
    }

    /// Nanoseconds of a batch of any size.
    private var base: Double { max(0, time / weight - slope * size / weight) }
    private var margin: Double { Self.marginFactor * deviation }
    private func mean(of size: Double) -> Double { base + slope * size }

    /// The time that every batch takes; `nil` before any has ended.
    var fixedTime: Duration? { isKnown ? .nanoseconds(Int64(base)) : nil }

    /// How long a batch of that size takes at most, nearly always; `nil` before any has ended.
    func time(of size: Int) -> Duration? {
        isKnown ? .nanoseconds(Int64(min(mean(of: Double(size)) + margin, 9e18))) : nil
    }

    /// The largest size of a batch that ends within `time`, and at least 1; `nil` before any batch has ended.
    func size(within time: Duration) -> Int? {
        guard isKnown else { return nil }
        let rest = Double(time.nanoseconds) - base - margin
        return slope > 0 ? max(1, Int(min(rest / slope, 1e9))) : 1_000_000_000
    }
}
