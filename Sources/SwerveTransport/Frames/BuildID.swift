internal import CSwerveSystem

/// Identifies a build of a program.
package struct BuildID: Codable, Hashable, Sendable, CustomStringConvertible {
    private var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// This process's build; empty where builds cannot be told apart.
    package static let own: BuildID = {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = swerve_build_id(&bytes, bytes.count)
        return BuildID(bytes: Array(bytes[..<count]))
    }()

    package var description: String {
        bytes.prefix(8).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
