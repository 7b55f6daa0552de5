import SwerveRouting
import Testing

@Suite struct StreamBufferTests {
    private struct Broken: Error, Equatable {}

    private func write(_ buffer: inout StreamBuffer<Int>, _ values: some Sequence<Int>) {
        for value in values {
            guard case .stored = buffer.write(value) else {
                Issue.record("\(value) found no room")
                return
            }
        }
    }

    /// Reads what waits.
    private func read(_ buffer: inout StreamBuffer<Int>) -> [Int] {
        var values: [Int] = []
        while let (value, _) = buffer.readWaiting() { values.append(value) }
        return values
    }

    @Test func elementsComeOutInTheirOrder() {
        var buffer = StreamBuffer<Int>(capacity: 4)
        write(&buffer, 1...4)
        #expect(read(&buffer) == [1, 2, 3, 4])
    }

    @Test func aFullBufferTakesNothingUntilHalfOfItIsRead() {
        var buffer = StreamBuffer<Int>(capacity: 4)
        write(&buffer, 1...4)
        guard case .full = buffer.write(5) else { return #expect(Bool(false), "a fifth element found room") }
        buffer.wait(7)
        buffer.wait(8)
        guard case .element(1, let none) = buffer.read(), case .element(2, let both) = buffer.read() else {
            return #expect(Bool(false), "the elements are not in order")
        }
        #expect(none == [])
        #expect(both == [7, 8])
        #expect(!buffer.isFull)
    }

    @Test func onlyAReaderThatWaitsIsWoken() {
        var buffer = StreamBuffer<Int>(capacity: 4)
        guard case .stored(wakesReader: false) = buffer.write(1) else { return #expect(Bool(false), "nobody waits") }
        _ = read(&buffer)
        guard case .wait = buffer.read() else { return #expect(Bool(false), "there is nothing to read") }
        guard case .stored(wakesReader: true) = buffer.write(2) else { return #expect(Bool(false), "it waits") }
        guard case .stored(wakesReader: false) = buffer.write(3) else { return #expect(Bool(false), "it is awake") }
    }

    @Test func theErrorFollowsTheElementsAndComesOnce() {
        var buffer = StreamBuffer<Int>(capacity: 4)
        write(&buffer, [1])
        #expect(!buffer.finish(Broken()).wakesReader)
        #expect(read(&buffer) == [1])
        guard case .end(let error) = buffer.read() else { return #expect(Bool(false), "it has not ended") }
        #expect(error as? Broken == Broken())
        guard case .end(nil) = buffer.read() else { return #expect(Bool(false), "the error came twice") }
    }

    @Test func anErrorFromOutsideComesBeforeTheElements() {
        var buffer = StreamBuffer<Int>(capacity: 1)
        write(&buffer, [1])
        buffer.wait(3)
        #expect(buffer.finish(Broken(), dropsElements: true).resuming == [3])
        guard case .end(let error) = buffer.read() else { return #expect(Bool(false), "an element came") }
        #expect(error as? Broken == Broken())
    }

    @Test func anErrorFromOutsideReplacesAnEndThatIsNotRead() {
        var buffer = StreamBuffer<Int>(capacity: 1)
        write(&buffer, [1])
        _ = buffer.finish(nil)
        _ = buffer.finish(Broken(), dropsElements: true)
        guard case .end(let error) = buffer.read() else { return #expect(Bool(false), "an element came") }
        #expect(error as? Broken == Broken())
    }

    @Test func writersLearnThatNobodyReads() {
        var buffer = StreamBuffer<Int>(capacity: 1)
        write(&buffer, [1])
        buffer.wait(3)
        #expect(buffer.abandon() == [3])
        guard case .over = buffer.write(2) else { return #expect(Bool(false), "it was stored") }
        #expect(buffer.count == 0)
    }

    @Test func aWriterThatGivesUpIsNotResumed() {
        var buffer = StreamBuffer<Int>(capacity: 1)
        write(&buffer, [1])
        buffer.wait(3)
        let isFirst = buffer.cancel(3)
        let isSecond = buffer.cancel(3)
        #expect(isFirst)
        #expect(!isSecond)
        guard case .element(1, resuming: []) = buffer.read() else { return #expect(Bool(false), "it was resumed") }
    }
}

@Suite struct StreamCreditTests {
    @Test func theNumberOfElementsIsLimited() {
        var credit = StreamCredit(maxElements: 2, maxBytes: 1000)
        credit.wrote(10)
        #expect(credit.hasRoom)
        credit.wrote(10)
        #expect(!credit.hasRoom)
        credit.took(9)
        #expect(!credit.hasRoom)
        credit.took(1)
        #expect(credit.hasRoom)
        #expect(credit.isLow)
    }

    @Test func oneElementMayExceedTheBytes() {
        var credit = StreamCredit(maxElements: 10, maxBytes: 100)
        credit.wrote(99)
        #expect(credit.hasRoom)
        credit.wrote(5000)
        #expect(!credit.hasRoom)
        credit.took(5000)
        #expect(credit.hasRoom)
        #expect(credit.elements == 1)
    }

    @Test func moreThanWasWrittenCannotBeTaken() {
        var credit = StreamCredit(maxElements: 1, maxBytes: 100)
        credit.wrote(10)
        credit.took(.max)
        #expect(credit.hasRoom)
        credit.wrote(10)
        #expect(!credit.hasRoom)
    }
}
