package import SwerveCore
internal import SwerveSystem

/// Identifies a build of a program.
package struct BuildID: Codable, Hashable, Sendable, CustomStringConvertible {
    private var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// This process's; empty where builds cannot be told apart.
    package static let own = BuildID(bytes: ThisProcess.buildID)

    /// Whether copies of this program have the same id as it.
    package static let isSharedByCopies = !ThisProcess.linkedBuildID.isEmpty

    package var description: String {
        bytes.prefix(8).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}

extension DeploymentSpec {
    /// Whether replicas run that build of the program.
    package func isOf(_ other: BuildID) -> Bool { build.isEmpty || build == "\(other)" }

    /// Whether replicas run the program that this process runs.
    package var isOfThisBuild: Bool { isOf(.own) }
}
