import SwerveCore
import Testing

@testable import SwerveSystem

@Suite struct ProcessTimeTests {
    @Test func `the times are found behind a program name with spaces and parentheses`() {
        let stat = "41 (my (odd) name) S 1 2 3 4 5 6 7 8 9 10 250 75 0 0 20 0 5 0 100 1000"
        #expect(ProcessTime.time(in: stat) == .milliseconds(3250))
    }

    @Test(arguments: ["", "41 (name", "41 (name) S 1 2", "41 (name) S 1 2 3 4 5 6 7 8 9 10 x 75 0"])
    func `a text that is not of this form has no time`(stat: String) {
        #expect(ProcessTime.time(in: stat) == nil)
    }

    #if os(Linux)
        @Test func `this process has used some, and a process that does not exist none`() throws {
            let used = try #require(ProcessTime.used(by: ThisProcess.id))
            #expect(used >= .zero && used <= ThisProcess.processorTime + .milliseconds(20))
            #expect(ProcessTime.used(by: -1) == nil)
        }
    #endif
}
