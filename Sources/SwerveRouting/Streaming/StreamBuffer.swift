internal import DequeModule

/// The elements between the writers and the one reader of a stream in one process. Pure.
///
/// At most ``capacity`` elements wait. A writer that finds no room waits until half of the elements are read, so that
/// not every element costs a wake-up.
package struct StreamBuffer<Element> {
    package typealias WriterID = Int

    private enum State {
        case open
        /// The elements that wait can still be read; then the reader gets the error, if there is one.
        case finished((any Error)?)
        /// Nobody reads any more.
        case abandoned
    }

    package let capacity: Int
    private var elements = Deque<Element>()
    private var state = State.open
    private var writers = Deque<WriterID>()
    private var isReaderWaiting = false

    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    package enum WriteAction {
        case stored(wakesReader: Bool)
        /// There is no room: call ``wait(_:)`` and try again when told.
        case full
        /// The stream is over.
        case over
    }

    package mutating func write(_ element: Element) -> WriteAction {
        guard case .open = state else { return .over }
        guard elements.count < capacity else { return .full }
        elements.append(element)
        defer { isReaderWaiting = false }
        return .stored(wakesReader: isReaderWaiting)
    }

    package mutating func wait(_ writer: WriterID) {
        writers.append(writer)
    }

    /// A waiting writer gives up.
    ///
    /// - Returns: whether it still waited.
    package mutating func cancel(_ writer: WriterID) -> Bool {
        guard let index = writers.firstIndex(of: writer) else { return false }
        writers.remove(at: index)
        return true
    }

    package enum ReadAction {
        /// These writers may try again.
        case element(Element, resuming: [WriterID])
        /// The reader is woken by the next element or the end.
        case wait
        case end((any Error)?)
    }

    package mutating func read() -> ReadAction {
        if let element = elements.popFirst() {
            guard !writers.isEmpty, elements.count <= capacity / 2 else { return .element(element, resuming: []) }
            return .element(element, resuming: takeWriters())
        }
        switch state {
        case .open:
            isReaderWaiting = true
            return .wait
        case .finished(let error):
            // Later reads get the plain end.
            state = .finished(nil)
            return .end(error)
        case .abandoned: return .end(nil)
        }
    }

    /// The next element, if one waits; a reader that gets `nil` does not wait.
    package mutating func readWaiting() -> (element: Element, resuming: [WriterID])? {
        guard !elements.isEmpty, case .element(let element, let writers) = read() else { return nil }
        return (element, writers)
    }

    /// The reader no longer waits.
    package mutating func stopWaiting() {
        isReaderWaiting = false
    }

    /// The writers are done, or the stream failed.
    ///
    /// - Parameter dropsElements: whether the reader gets the error before the elements that wait.
    /// - Returns: whether to wake the reader.
    package mutating func finish(_ error: (any Error)?, dropsElements: Bool = false) -> (
        wakesReader: Bool, resuming: [WriterID]
    ) {
        guard case .open = state else {
            // The elements of a stream that is complete may still wait.
            if dropsElements, case .finished = state, !elements.isEmpty {
                elements.removeAll()
                state = .finished(error)
            }
            return (false, [])
        }
        if dropsElements { elements.removeAll() }
        state = .finished(error)
        defer { isReaderWaiting = false }
        return (isReaderWaiting, takeWriters())
    }

    /// The reader is gone.
    ///
    /// - Returns: the writers to resume, which then find that the stream is over.
    package mutating func abandon() -> [WriterID] {
        elements.removeAll()
        isReaderWaiting = false
        state = .abandoned
        return takeWriters()
    }

    private mutating func takeWriters() -> [WriterID] {
        defer { writers.removeAll() }
        return Array(writers)
    }

    /// Whether a writer has to wait.
    package var isFull: Bool { isOpen && elements.count >= capacity }
    package var count: Int { elements.count }
    package var isOpen: Bool { if case .open = state { true } else { false } }
}
