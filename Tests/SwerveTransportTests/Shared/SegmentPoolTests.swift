import SwerveCore
import Testing

@testable import SwerveTransport

private func seconds(_ number: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(number) * 1_000_000_000) }

@Suite struct SegmentPoolTests {
    private static func pool(totalBytes: Int = 1 << 20, segments: Int = 8) -> SegmentPool {
        var limits = SharedMemoryLimits(totalBytes: totalBytes)
        limits.segments = segments
        return SegmentPool(limits)
    }

    private func take(_ pool: inout SegmentPool, _ bytes: Int) -> SegmentPool.Taking { pool.take(bytes).0 }

    @Test func `a segment is as large as the next power of two, and at least 64 KiB`() {
        #expect([1, 1 << 16, 1 << 16 | 1, 1 << 20].map(SegmentPool.size) == [1 << 16, 1 << 16, 1 << 17, 1 << 20])
    }

    @Test func `a segment in use is given to nobody else`() {
        var pool = Self.pool()
        #expect(take(&pool, 100_000) == .make(1, bytes: 1 << 17))
        #expect(take(&pool, 100_000) == .make(2, bytes: 1 << 17))
        #expect(pool.inUse == 2)
    }

    @Test func `the segment given back last is used first`() {
        var pool = Self.pool()
        for _ in 0..<3 { _ = pool.take(100_000) }
        for number: UInt64 in [2, 3, 1] { #expect(pool.gaveBack(number, now: .zero) == false) }
        #expect(take(&pool, 70_000) == .use(1))
        #expect(take(&pool, 70_000) == .use(3))
        #expect(pool.count == 3)
    }

    @Test func `a segment of another size does not serve`() {
        var pool = Self.pool()
        _ = pool.take(100_000)
        _ = pool.gaveBack(1, now: .zero)
        #expect(take(&pool, 200_000) == .make(2, bytes: 1 << 18))
    }

    @Test func `at the limit of bytes, free segments end, the longest unused ones first`() {
        var pool = Self.pool(totalBytes: 1 << 18)
        for _ in 0..<4 { _ = pool.take(1 << 16) }
        for number: UInt64 in [3, 1, 2] { _ = pool.gaveBack(number, now: .zero) }
        let (taking, ended) = pool.take(1 << 17)
        #expect(taking == .make(5, bytes: 1 << 17))
        #expect(ended == [3, 1])
        #expect(pool.bytes == 1 << 18)
    }

    @Test func `where no room can be made, no segment ends`() {
        var pool = Self.pool(totalBytes: 1 << 18)
        for _ in 0..<3 { _ = pool.take(1 << 16) }
        _ = pool.gaveBack(2, now: .zero)
        let (taking, ended) = pool.take(1 << 18)
        #expect(taking == .none)
        #expect(ended == [])
        #expect(take(&pool, (1 << 18) + 1) == .none)
        #expect(take(&pool, 1 << 16) == .use(2))
    }

    @Test func `at the limit of segments, a free one ends or there is no room`() {
        var pool = Self.pool(segments: 2)
        _ = pool.take(1 << 16)
        _ = pool.take(1 << 16)
        #expect(take(&pool, 1 << 16) == .none)
        _ = pool.gaveBack(1, now: .zero)
        let (taking, ended) = pool.take(1 << 17)
        #expect(taking == .make(3, bytes: 1 << 17))
        #expect(ended == [1])
    }

    @Test func `a retired segment ends when it is given back`() {
        var pool = Self.pool()
        _ = pool.take(1)
        pool.retire(1)
        #expect(pool.gaveBack(1, now: .zero) == true)
        #expect(pool.count == 0)
        #expect(pool.bytes == 0)
        #expect(take(&pool, 1) == .make(2, bytes: 1 << 16))
    }

    @Test func `a segment that could not be made takes no room`() {
        var pool = Self.pool(totalBytes: 1 << 16)
        _ = pool.take(1)
        pool.makingFailed(1)
        #expect(take(&pool, 1) == .make(2, bytes: 1 << 16))
    }

    @Test func `segments end when they are unused for long, and not before`() {
        var pool = Self.pool()
        #expect(pool.nextTrim == nil)
        for _ in 0..<3 { _ = pool.take(1) }
        _ = pool.gaveBack(2, now: seconds(10))
        _ = pool.gaveBack(1, now: seconds(12))
        #expect(pool.nextTrim == seconds(15))
        #expect(pool.trim(now: seconds(15) + .nanoseconds(-1)) == [])
        #expect(pool.trim(now: seconds(15)) == [2])
        #expect(take(&pool, 1) == .use(1))
        #expect(pool.nextTrim == nil)
        #expect(pool.count == 2)
    }

    @Test func `giving back twice is a mistake of this process`() async {
        await #expect(processExitsWith: .failure) {
            var pool = Self.pool()
            _ = pool.take(1)
            _ = pool.gaveBack(1, now: .zero)
            _ = pool.gaveBack(1, now: .zero)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `in random histories no segment is used twice, none is lost, and the limits hold`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let total = [1 << 17, 1 << 19, 1 << 21][random.next(below: 3)]
        var pool = Self.pool(totalBytes: total, segments: 1 + random.next(below: 8))
        var used: [UInt64: Int] = [:]
        var free: [UInt64: Int] = [:]
        var retired: Set<UInt64> = []
        var now = MonotonicTime.zero
        func end(_ numbers: [UInt64]) {
            for number in numbers { #expect(free.removeValue(forKey: number) != nil, "\(number) was not free") }
        }
        for _ in 0..<300 {
            now = now + .milliseconds(random.next(below: 2000))
            switch random.next(below: 6) {
            case 0...2:
                let bytes = 1 + random.next(below: 1 << 19)
                let (taking, ended) = pool.take(bytes)
                end(ended)
                switch taking {
                case .use(let number):
                    let size = free.removeValue(forKey: number)
                    #expect(size.map { $0 >= bytes } == true)
                    used[number] = size
                case .make(let number, let size):
                    #expect(size >= bytes && used[number] == nil && free[number] == nil)
                    if random.next(below: 10) == 0 { pool.makingFailed(number) } else { used[number] = size }
                case .none: break
                }
            case 3...4:
                guard let (number, size) = used.sorted(by: { $0.key < $1.key }).randomElement(using: &random) else {
                    break
                }
                used[number] = nil
                let isOver = pool.gaveBack(number, now: now)
                #expect(isOver == (retired.remove(number) != nil))
                if !isOver { free[number] = size }
            default:
                if random.next(below: 2) == 0, let number = used.keys.sorted().randomElement(using: &random) {
                    pool.retire(number)
                    retired.insert(number)
                } else {
                    end(pool.trim(now: now))
                }
            }
            #expect(pool.inUse == used.count)
            #expect(pool.count == used.count + free.count)
            #expect(pool.bytes == used.values.reduce(0, +) + free.values.reduce(0, +))
            #expect(pool.bytes <= total && pool.count <= pool.limits.segments)
        }
        for number in used.keys.sorted() where !pool.gaveBack(number, now: now) { free[number] = 0 }
        end(pool.trim(now: now + pool.limits.idleTime))
        #expect(free.isEmpty && pool.count == 0 && pool.bytes == 0)
    }
}
