internal import SwerveTool

/// The program `swerve`. Apart from its commands, which are tested.
@main struct Entry {
    static func main() async { await SwerveTool.main() }
}
