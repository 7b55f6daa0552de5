import Shouts
import Swerve

/// Applications that tests run, and deploy into other instances.
@main struct Applications: ServeProgram {
    static let applications: [any ServeApplication.Type] = [Shouting.self, Counting.self, Homely.self]
}
