import SwerveSystem
import Testing

@Suite struct ProcessTests {
    @Test func `x`() { #expect(ThisProcess.id > 0) }
}
