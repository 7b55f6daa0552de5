/// A font of 5 x 8 dots for the printable ASCII characters.
enum BitmapFont {
    private static let firstCharacter = 32

    /// Eight rows of five dots per character in 40 bits; the top left dot is the highest bit.
    private static let glyphs: [UInt64] = [
        0x0000000000, 0x2108420080, 0x5294000000, 0x52beafa940, 0x23e8e2f880, 0xc644444c60, 0x45288ac9a0, 0x2110000000,
        0x1110841040, 0x4104211100, 0x012aea9000, 0x0109f21000, 0x0000001088, 0x0001f00000, 0x0000000180, 0x0044444000,
        0x74675cc5c0, 0x23084211c0, 0x74422223e0, 0xf88820c5c0, 0x11952f8840, 0xfc3c10c5c0, 0x3221e8c5c0, 0xf844442100,
        0x7462e8c5c0, 0x7462f08980, 0x0318063000, 0x0318061100, 0x1111041040, 0x003e0f8000, 0x4104111100, 0x7442220080,
        0x7442dad5c0, 0x7463f8c620, 0xf463e8c7c0, 0x74610845c0, 0xe4a318cb80, 0xfc21e843e0, 0xfc21e84200, 0x746178c5e0,
        0x8c63f8c620, 0x71084211c0, 0x3884214980, 0x8ca98a4a20, 0x84210843e0, 0x8eeb58c620, 0x8c7359c620, 0x746318c5c0,
        0xf463e84200, 0x74631ac9a0, 0xf463ea4a20, 0x7c20e087c0, 0xf908421080, 0x8c6318c5c0, 0x8c6318a880, 0x8c635ad540,
        0x8c54454620, 0x8c62a21080, 0xf8444443e0, 0x72108421c0, 0x0410410400, 0x70842109c0, 0x22a2000000, 0x000000001f,
        0x4104000000, 0x001c17c5e0, 0x842d98c7c0, 0x001d0845c0, 0x085b38c5e0, 0x001d1fc1c0, 0x3278842100, 0x001f18bc2e,
        0x842d98c620, 0x20184211c0, 0x100c21084c, 0x84254c5240, 0x61084211c0, 0x00355ac620, 0x002d98c620, 0x001d18c5c0,
        0x003d18fa10, 0x001f18bc21, 0x002d984200, 0x001f0707c0, 0x42388424c0, 0x002318cda0, 0x002318a880, 0x00231ad540,
        0x0022a22a20, 0x002318bc2e, 0x003e2223e0, 0x1108821040, 0x2108421084, 0x4108221100, 0x0011510000,
    ]

    /// Calls the closure for each dot of a character. Characters outside printable ASCII are drawn as `?`.
    static func forEachDot(of character: Character, _ body: (_ column: Int, _ row: Int) -> Void) {
        let index = Int(character.asciiValue ?? 63) - firstCharacter
        let glyph = glyphs.indices.contains(index) ? glyphs[index] : glyphs[63 - firstCharacter]
        for row in 0..<8 {
            for column in 0..<5 where glyph >> UInt64(39 - row * 5 - column) & 1 == 1 { body(column, row) }
        }
    }
}
