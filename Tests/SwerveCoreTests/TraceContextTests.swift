import SwerveCore
import Testing

/// W3C Trace Context: https://www.w3.org/TR/trace-context/.
@Suite struct TraceContextTests {
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private func parsed(_ parents: String..., states: [String] = []) -> TraceContext? {
        TraceContext(parents: parents, states: states)
    }

    @Test func `a traceparent is read and written`() throws {
        let context = try #require(parsed(Self.parent))
        #expect(context.traceID == TraceID(high: 0x0af7_6519_16cd_43dd, low: 0x8448_eb21_1c80_319c))
        #expect(context.spanID == SpanID(0xb7ad_6b71_6920_3331))
        #expect(context.isSampled)
        #expect(context.state == nil)
        #expect(context.traceparent == Self.parent)
    }

    @Test func `numbers keep their leading zeros`() throws {
        let text = "00-00000000000000000000000000000001-000000000000000a-00"
        let context = try #require(parsed(text))
        #expect(!context.isSampled)
        #expect(context.traceparent == text)
    }

    @Test func `of the flags, sampled and random are kept`() {
        let start = Self.parent.dropLast(2)
        #expect(parsed(start + "02")?.traceparent == start + "02")
        #expect(parsed(start + "ff")?.traceparent == start + "03")
        #expect(parsed(start + "f8")?.traceparent == start + "00")
    }

    @Test func `a later version is read as far as this one goes`() {
        let rest = Self.parent.dropFirst(2)
        #expect(parsed("cc" + rest)?.traceparent == Self.parent)
        #expect(parsed("cc" + rest + "-what-the-future-will-be-like")?.traceparent == Self.parent)
        #expect(parsed("cc" + rest + ".what") == nil)
    }

    @Test(arguments: [
        "", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        // Zero is no ID.
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        // Upper case.
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7ad6b7169203331-01",
        "0F-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
        // Too long, too short, other separators and characters.
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c8031.c-b7ad6b7169203331-01",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ])
    func `a malformed traceparent counts as none`(_ text: String) {
        #expect(parsed(text) == nil)
    }

    @Test func `several traceparents count as none`() {
        #expect(parsed(Self.parent, Self.parent) == nil)
    }

    @Test func `entries of several lines are one list, without blanks and empty entries`() {
        let context = parsed(Self.parent, states: ["rojo=00f067aa0ba902b7 ,, ", "\tcongo=t61rcWkgMzE"])
        #expect(context?.state == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    }

    @Test(arguments: ["a=1", "0tenant@sys=1", "a_-*/9=x y", "a@b=~!\"#", "a=b c"])
    func `well-formed entries are kept`(_ text: String) {
        #expect(TraceState.normalized([text]) == text)
    }

    @Test(arguments: [
        "a", "=1", "A=1", "0=1", "a=", "a=1=2", "a@b@c=1", "@b=1", "a@=1", "a@0b=1", "a=ü", "a=1,a=2", "a=\u{7F}",
        "a b=1",
        String(repeating: "k", count: 257) + "=1", "k=" + String(repeating: "v", count: 257),
        String(repeating: "t", count: 242) + "@s=1", "t@" + String(repeating: "s", count: 15) + "=1",
    ])
    func `a malformed list counts as none and leaves the traceparent`(_ text: String) {
        let context = parsed(Self.parent, states: ["ok=1", text])
        #expect(context != nil)
        #expect(context?.state == nil)
    }

    @Test func `a list has 32 entries at most`() {
        let entries = (0..<33).map { "k\($0)=v" }
        #expect(TraceState.normalized([entries.dropLast().joined(separator: ",")]) != nil)
        #expect(TraceState.normalized([entries.joined(separator: ",")]) == nil)
    }

    @Test func `a long list loses long entries first, and then those at its end`() {
        let long = "long=" + String(repeating: "x", count: 130)
        let short = (0..<9).map { "key\($0)=" + String(repeating: "y", count: 57) }
        let all = [short[0], long] + short[1...]
        #expect(TraceState.normalized([all.joined(separator: ",")]) == short.dropLast().joined(separator: ","))
        let few = [short[0], long, short[1]].joined(separator: ",")
        #expect(TraceState.normalized([few]) == few)
    }

    @Test func `a span below another keeps the trace, the flags and the state`() throws {
        let context = try #require(parsed(Self.parent, states: ["a=1"]))
        let below = context.below(try #require(SpanID(1)))
        #expect(below.traceparent == "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01")
        #expect(below.state == "a=1")
        #expect(below != context)
        #expect(below.below(context.spanID) == context)
    }
}
