import SwerveCore
import Testing

@Suite struct ResourcesTests {
    @Test func `fractions add up exactly`() {
        let third = Resources.Amount(0.3)
        let sum = 3 * third.tenThousandths + Resources.Amount(0.1).tenThousandths
        #expect(sum == Resources.Amount(1).tenThousandths)
    }

    @Test(arguments: [(0.00004, 0), (0.00006, 1), (0.3, 3000), (2.5, 25_000)] as [(Double, Int64)])
    func `amounts are rounded to a ten-thousandth`(value: Double, tenThousandths: Int64) {
        #expect(Resources.Amount(value).tenThousandths == tenThousandths)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 1e300, -0.5])
    func `amounts that are none are refused`(value: Double) {
        let error = #expect(throws: ServeError.self) {
            try DeploymentOptions(resources: Resources(gpus: value)).validate(deployment: "D")
        }
        #expect(error?.message.contains("'gpus'") == true)
    }

    @Test func `a description names what is needed, custom resources in order`() {
        let resources = Resources(cpus: 2, gpus: 0.25, custom: ["z": 1, "a": 0.5])
        #expect(resources.description == "cpus: 2, gpus: 0.25, a: 0.5, z: 1")
    }
}
