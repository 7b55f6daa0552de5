internal import SwerveSystem

/// Identifies a build of a program.
package struct BuildID: Codable, Hashable, Sendable, CustomStringConvertible {
    private var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// This process's; empty where builds cannot be told apart.
    package static let own = BuildID(bytes: ThisProcess.buildID)

    package var description: String {
        bytes.prefix(8).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
