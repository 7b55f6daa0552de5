import SwerveCore

/// What goes wrong in one simulation, and how often. Each simulation has its own mix, so that states which are rare
/// overall are common in some.
struct Faults {
    /// In percent.
    var failedStarts = 0
    var probesAnswered = 100
    var doubledReports = 0
    var lostReports = 0
    var deploys = 0
    /// The versions whose replicas never become ready.
    var brokenVersions: Set<UInt8> = []
    /// The versions whose replicas become ready and crash soon after.
    var crashingVersions: Set<UInt8> = []
    /// The user configurations that replicas refuse.
    var brokenConfigs: Set<UInt8> = []
    /// How many replicas of a deployment find room at a time. A missing entry means no limit.
    var room: [DeploymentID: Int] = [:]
    /// The replicas that cannot be stopped, given by the last six bits of their numbers.
    var endless: Set<UInt64> = []

    init(using random: inout SplitMix64) {
        failedStarts = [0, 5, 40][random.next(below: 3)]
        probesAnswered = [60, 95, 100][random.next(below: 3)]
        doubledReports = [0, 10, 30][random.next(below: 3)]
        lostReports = [0, 2, 20][random.next(below: 3)]
        deploys = [2, 5, 15][random.next(below: 3)]
        if random.next(below: 4) == 0 { endless = [UInt64(random.next(below: 64))] }
        change(using: &random)
    }

    init(endless: Set<UInt64>) {
        self.endless = endless
    }

    func isSound(_ spec: DeploymentSpec) -> Bool {
        !brokenVersions.contains(spec.arguments[0]) && !crashingVersions.contains(spec.arguments[0])
            && !isBroken(spec.configuration)
    }

    func isBroken(_ configuration: Configuration) -> Bool {
        configuration.userConfig.map { !brokenConfigs.isDisjoint(with: $0) } ?? false
    }

    /// Breaks some things and repairs others.
    mutating func change(using random: inout SplitMix64) {
        brokenVersions = Set((0..<3).filter { _ in random.next(below: 4) == 0 })
        crashingVersions = Set((0..<3).filter { _ in random.next(below: 6) == 0 })
        brokenConfigs = Set((0..<3).filter { _ in random.next(below: 3) == 0 })
        room = [:]
        for application in ["a", "b"] {
            for deployment in ["x", "y", "z"] where random.next(below: 4) == 0 {
                room[DeploymentID(application: application, deployment: deployment)] = random.next(below: 3)
            }
        }
    }
}
