import SwerveCore
import Testing

@Suite struct ValueTests {
    @Test func `time stays at its end instead of overflowing`() {
        let late = MonotonicTime(nanoseconds: .max - 5)
        #expect(late + .nanoseconds(10) == MonotonicTime(nanoseconds: .max))
        #expect(MonotonicTime(nanoseconds: .min + 5) + .nanoseconds(-10) == MonotonicTime(nanoseconds: .min))
        #expect(late - MonotonicTime(nanoseconds: .max - 6) == .nanoseconds(1))
    }

    @Test(
        arguments: [
            (Duration.seconds(1), 1_000_000_000), (.nanoseconds(-1), -1), (.seconds(Int64.max), .max),
            (.seconds(Int64.min), .min),
        ] as [(Duration, Int64)]
    )
    func `durations become nanoseconds, or the most that there are`(duration: Duration, nanoseconds: Int64) {
        #expect(duration.nanoseconds == nanoseconds)
    }

    @Test func `identifiers are read as they are written`() {
        let id = DeploymentID(application: "app", deployment: "a/b")
        #expect(DeploymentID(id.description) == id)
        #expect(DeploymentID("no slash") == nil)
        let instance = InstanceID(rawValue: .max)
        #expect(InstanceID(instance.description) == instance)
        #expect(InstanceID("xyz") == nil)
        #expect(ReplicaID(deployment: id, number: 3).description == "app/a/b#3")
    }

    /// The first numbers of the generator's reference implementation with seed 1234567.
    @Test func `random numbers are those of SplitMix64`() {
        var random = SplitMix64(seed: 1_234_567)
        let numbers = (0..<5).map { _ in random.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ]
        )
    }
}
