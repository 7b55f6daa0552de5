import SwerveCore
import Testing

@Suite struct ISOTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_798_761_599_999_000_000, "2026-12-31T23:59:59.999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"),
        ] as [(Int64, String)]
    )
    func `a time is its date in the Gregorian calendar, and back`(nanoseconds: Int64, text: String) {
        #expect(ISOTime.text(nanoseconds: nanoseconds) == text)
        #expect(ISOTime.nanoseconds(text) == nanoseconds)
    }

    @Test func `a time before 1970 is written, too, and what is finer than milliseconds is cut`() {
        #expect(ISOTime.text(nanoseconds: -1_000_000) == "1969-12-31T23:59:59.999Z")
        #expect(ISOTime.text(nanoseconds: 1_798_761_599_999_999_999) == "2026-12-31T23:59:59.999Z")
    }

    @Test func `a fraction of a second may be left out, or be finer`() {
        #expect(ISOTime.nanoseconds("1970-01-02T00:00:01Z") == 86_401_000_000_000)
        #expect(ISOTime.nanoseconds("1970-01-01T00:00:00.5Z") == 500_000_000)
        #expect(ISOTime.nanoseconds("1970-01-01T00:00:00.000000001Z") == 1)
    }

    @Test(arguments: [
        "", "2026-12-31", "2026-12-31T23:59:59", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.0000000001Z", "2026-01-01T00:00:00+02:00", "9999-01-01T00:00:00Z", "x026-01-01T00:00:00Z",
    ]) func `another text is no time`(text: String) {
        #expect(ISOTime.nanoseconds(text) == nil)
    }
}
