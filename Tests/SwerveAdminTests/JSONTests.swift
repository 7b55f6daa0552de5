import NIOCore
import SwerveCore
import Testing

@testable import SwerveAdmin

@Suite struct JSONTests {
    private let json = AdminJSON(
        at: .init(monotonic: MonotonicTime(nanoseconds: 5_000_000_000), wall: 1_700_000_000_123_000_000)
    )

    private func text(_ value: some Encodable) throws -> String { String(buffer: try json.value(value).bytes) }

    private struct Sample: Encodable {
        var processID: Int32 = 7
        var someURLName: String? = "a \"quoted\"\n"
        var absent: Int?
        var took: Duration? = .milliseconds(1500)
        var since = MonotonicTime(nanoseconds: 4_000_000_000)
        var byName = ["camelCase": Duration.seconds(2)]
        var list: [DeploymentID] = [DeploymentID(application: "a", deployment: "B")]
        var large = UInt64.max
        var isOn = true
        var notFinite = Double.infinity
    }

    @Test func `names are in snake case, times and durations as people read them`() throws {
        #expect(
            try text(Sample()) == """
                {"by_name":{"camelCase":2.0},"is_on":true,"large":1.8446744073709552e+19,"list":["a/B"],"not_finite":null,\
                "process_id":7,"since":"2023-11-14T22:13:19.123Z","some_url_name":"a \\"quoted\\"\\u000a","took":1.5}
                """
        )
    }

    @Test func `a deployment's options are their texts`() throws {
        let value = try json.value(DeploymentOptions(resources: Resources(gpus: 0.3), requestTimeout: .seconds(3)))
        #expect(value["placement"] == "process")
        #expect(value["rollout"] == .string(DeploymentOptions.Rollout.startFirst.description))
        #expect(value["request_timeout"] == .number(3))
        #expect(value["resources"]?["gpus"] == .number(0.3))
        #expect(value["max_ongoing_requests"] == 100)
        #expect(value["name"] == nil)
    }
}
