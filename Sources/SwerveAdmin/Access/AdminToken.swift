/// What a client shows to be allowed to change something.
package struct AdminToken: Sendable {
    /// Letters, digits and `-._~+/=`, as `Authorization: Bearer` takes them.
    package let text: String

    /// The fewest characters of a token that a user chose.
    static let minimumLength = 32
    static let maximumLength = 4096
    private static let randomBytes = 32

    /// - Returns: `nil` for a text that cannot be a token, or is too short to be safe.
    package init?(_ text: String) {
        let others = Set("-._~+/=".utf8)
        let isToken = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || others.contains(byte)
        }
        guard isToken, (Self.minimumLength...Self.maximumLength).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// - Parameter random: must not be predictable.
    package init(from random: inout some RandomNumberGenerator) {
        let bytes = (0..<Self.randomBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        text = bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }

    /// Whether a client's text is the token. How long that takes does not depend on where they differ.
    package func matches(_ other: some StringProtocol) -> Bool {
        let (mine, others) = (Array(text.utf8), Array(other.utf8))
        guard !others.isEmpty else { return false }
        var difference = UInt64(truncatingIfNeeded: mine.count ^ others.count)
        for index in mine.indices { difference |= UInt64(mine[index] ^ others[index % others.count]) }
        return difference == 0
    }
}
