internal import SwerveCore

/// Hashes that are the same in every process, unlike Swift's own.
enum Rendezvous {
    /// FNV-1a.
    static func hash(_ key: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// How much a key prefers a replica.
    static func weight(_ hash: UInt64, _ replica: UInt64) -> UInt64 {
        var generator = SplitMix64(seed: hash ^ (replica &* 0x9E37_79B9_7F4A_7C15))
        return generator.next()
    }

    /// How many ongoing requests a replica has before others are preferred.
    static func bound(ongoing: Int, replicas: Int) -> Int {
        max(Int((1.25 * Double(ongoing + 1) / Double(replicas)).rounded(.up)), 4)
    }
}
