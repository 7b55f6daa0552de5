import NIOCore
import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct Streaming {
        private func withStreams(
            _ way: Way,
            routePrefix: String? = nil,
            _ body: (Streams, Journal) async throws -> Void
        ) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: way.placement).bind()
            let bound = Streams.options(placement: way.placement, directIngress: way.isDirect).bind(journal: journal)
            try await withApplication(bound, routePrefix: routePrefix) { streams, name in
                try await eventuallyHealthy(name, way)
                try await body(
                    streams,
                    try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                )
            }
        }

        private func all<Element>(_ stream: ResponseStream<Element>) async throws -> [Element] {
            try await stream.reduce(into: []) { $0.append($1) }
        }

        private func isIdle(_ streams: Streams) async throws {
            try await eventually("no lease is out") { streams.load.ongoing == 0 && streams.load.queued == 0 }
        }

        @Test(arguments: placements)
        func elementsArriveInTheirOrder(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                #expect(try await all(streams.count(to: 20_000)) == Array(0..<20_000))
                #expect(try await all(streams.count(to: 0)) == [])
                #expect(try await all(streams.optional()) == [1, nil, 3])
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func elementsMayBeLargerThanTheWindow(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let stream = try await streams.large(3, bytes: 5 << 20)
                var count = 0
                for try await bytes in stream {
                    #expect(bytes == ByteBuffer(repeating: UInt8(count), count: 5 << 20))
                    count += 1
                }
                #expect(count == 3)
            }
        }

        @Test(arguments: placements)
        func anErrorFollowsTheElementsAndKeepsItsType(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                var read: [Int] = []
                let error = await #expect(throws: Refused.self) {
                    for try await number in try await streams.count(to: 5000, failingAfter: 3000) {
                        read.append(number)
                    }
                }
                #expect(error == Refused(reason: "enough", code: 3000))
                #expect(read == Array(0..<3000))
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func theWriterWaitsForASlowReader(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                var iterator = try await streams.endless("slow", maxBuffered: 4).makeAsyncIterator()
                for expected in 0..<10 { #expect(try await iterator.next() == expected) }
                // The stream ends with its iterator.
                iterator = ResponseStream([1]).makeAsyncIterator()
                _ = try await iterator.next()
                let entry = try await journal.wait(for: "slow ended after")
                let written = try #require(Int(entry.split(separator: " ").last ?? ""))
                #expect((10...18).contains(written))
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func aReaderThatStopsEndsTheStream(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                for try await number in try await streams.endless("left", maxBuffered: nil) where number == 100 {
                    break
                }
                try await journal.wait(for: "left ended after")
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func aCancelledReaderCancelsTheProducerInItsSilence(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                let task = Task { for try await _ in try await streams.silence("quiet") {} }
                try await journal.wait(for: "quiet began")
                #expect(streams.load.ongoing == 1)
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                try await journal.wait(for: "quiet cancelled")
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func aStreamThatNobodyReadsIsOver(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                _ = try await streams.silence("dropped")
                try await journal.wait(for: "dropped cancelled")
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func theDeadlineEndsAStreamInItsSilence(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                var read = 0
                let error = await #expect(throws: ServeError.self) {
                    try await ServeContext.withDeadline(in: .milliseconds(300)) {
                        for try await _ in try await streams.silence("late") { read += 1 }
                    }
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(read == 1)
                try await journal.wait(for: "late cancelled")
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func aStreamKnowsTheRequestThatItBelongsTo(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let stream = try await ServeContext.$current.withValue(ServeContext(requestID: "r1")) {
                    try await streams.context()
                }
                #expect(try await all(stream) == ["r1"])
            }
        }

        @Test(arguments: placements)
        func aStreamIsReadOnce(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let stream = try await streams.count(to: 3)
                #expect(try await all(stream) == [0, 1, 2])
                let error = await #expect(throws: ServeError.self) { try await all(stream) }
                #expect(error?.message == "a stream can be read only once")
            }
        }

        @Test(arguments: placements)
        func theRestOfAStreamThatTheReplicaHasReadIsNotTakenForTheWhole(
            placement: DeploymentOptions.Placement
        ) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let error = await #expect(throws: ServeError.self) { try await all(streams.leftover()) }
                #expect(error?.message == "a stream can be read only once")
                try await isIdle(streams)
            }
        }

        // MARK: Arguments

        @Test(arguments: placements)
        func argumentsCanBeStreams(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let many = ResponseStream<Int> { writer in
                    for number in 1...10_000 { try await writer.write(number) }
                }
                #expect(try await streams.sum(many, plus: ResponseStream([1, 2, 3])) == 50_005_006)
                #expect(try await streams.first(2, of: ResponseStream([7, 8, 9])) == [7, 8])
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func anArgumentIsReadWhileTheResultIs(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let (numbers, continuation) = AsyncStream.makeStream(of: Int.self)
                var doubled = try await streams.doubled(ResponseStream(numbers)).makeAsyncIterator()
                for number in 0..<100 {
                    continuation.yield(number)
                    #expect(try await doubled.next() == 2 * number)
                }
                continuation.finish()
                #expect(try await doubled.next() == nil)
            }
        }

        @Test(arguments: placements)
        func theErrorOfAnArgumentReachesItsReader(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let broken = ResponseStream<Int> { writer in
                    try await writer.write(1)
                    throw Refused(reason: "no more", code: 1)
                }
                await #expect(throws: Refused(reason: "no more", code: 1)) {
                    try await streams.sum(broken, plus: ResponseStream([]))
                }
            }
        }

        @Test(arguments: placements)
        func anArgumentThatIsNotReadIsNotMade(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let numbers = ResponseStream<Int> { _ in Issue.record("it was made") }
                try await streams.ignore(numbers)
            }
        }

        @Test(arguments: placements)
        func anEndlessArgumentEndsWithItsReader(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                let endless = ResponseStream<Int> { writer in
                    do { for number in 0... { try await writer.write(number) } } catch {
                        await Task { try? await journal.note("argument ended: \(error is CancellationError)") }.value
                    }
                }
                #expect(try await streams.first(3, of: endless) == [0, 1, 2])
                try await journal.wait(for: "argument ended: true")
            }
        }

        /// Counts without an end, and notes its own.
        private func endless(_ journal: Journal, _ name: String) -> ResponseStream<Int> {
            ResponseStream { writer in
                do { for number in 0... { try await writer.write(number) } } catch {
                    await Task { try? await journal.note("\(name) ended: \(error is CancellationError)") }.value
                }
            }
        }

        @Test(arguments: placements)
        func anArgumentIsOverAtTheEndOfItsCall(placement: DeploymentOptions.Placement) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                try await streams.outlive(endless(journal, "argument"), "reader")
                try await journal.wait(for: "argument ended: true")
                try await journal.wait(for: "reader failed: true")
                try await streams.outliveByRuntime(endless(journal, "second argument"), "second reader")
                try await journal.wait(for: "second argument ended: true")
                try await journal.wait(for: "second reader failed: true")
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func anArgumentIsOverAtTheEndOfTheStreamThatItsCallReturned(
            placement: DeploymentOptions.Placement
        ) async throws {
            try await withStreams(Way(placement: placement)) { streams, journal in
                let (ended, isEnded) = AsyncStream.makeStream(of: Void.self)
                let endless = ResponseStream<Int> { writer in
                    defer { isEnded.finish() }
                    for number in 0... { try await writer.write(number) }
                }
                let stream = try await streams.beside(endless, "beside")
                #expect(try await all(stream) == [1, 2, 3])
                for await _ in ended {}
                try await journal.wait(for: "beside failed: true")
                try await isIdle(streams)
            }
        }

        @Test(arguments: placements)
        func anArgumentThatWasNotReadIsOverForTheMethodAndNotForItsCaller(
            placement: DeploymentOptions.Placement
        ) async throws {
            try await withStreams(Way(placement: placement)) { streams, _ in
                let numbers = ResponseStream([1, 2, 3])
                try await streams.keep(numbers)
                let error = await #expect(throws: ServeError.self) { try await streams.readKept() }
                #expect(error?.code == .invalidArgument)
                #expect(error?.message.contains("the stream is over: its call has ended") == true)
                #expect(try await streams.sum(numbers, plus: ResponseStream([4])) == 10)
            }
        }

        @Test func aStreamWithinAnotherResultSaysWhereStreamsCanBe() async throws {
            try await withStreams(.process) { streams, _ in
                let error = await #expect(throws: ServeError.self) { _ = try await streams.nested() }
                #expect(error?.code == .unencodable)
                #expect(error?.message.contains("the whole result of a method") == true)
            }
        }

        // MARK: Through other deployments

        @Test(arguments: placements)
        func aDeploymentPassesOnTheStreamOfAnother(placement: DeploymentOptions.Placement) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: placement).bind()
            let streams = Streams.options(placement: placement).bind(journal: journal)
            let relay = StreamRelay.options(placement: placement).bind(streams: streams)
            try await withApplication(relay) { relay, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                #expect(try await all(relay.count(to: 5000)) == Array(0..<5000))
                #expect(try await all(relay.doubled(ResponseStream(0..<3000))) == (0..<3000).map { 2 * $0 })
                for try await _ in try await relay.silence("relayed") { break }
                try await journal.wait(for: "relayed cancelled")
            }
        }

        /// The driver decodes nothing: it may run in another process than the deployment and its caller.
        @Test(arguments: ways)
        func aGraphPassesStreamsOnAndAnswersWithThem(way: Way) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: way.placement).bind()
            let streams = Streams.options(placement: way.placement).bind(journal: journal)
            let input = InputNode<Int>()
            let graph = streams.nodes.doubled(streams.nodes.count(to: input))
            let driver = GraphDriver.bind(
                graph,
                options: DeploymentOverrides(placement: way.placement, directIngress: way.isDirect)
            )
            try await withApplication(driver, routePrefix: "/") { handle, name in
                try await eventuallyHealthy(name, way)
                #expect(try await all(handle.predict(2000)) == (0..<2000).map { 2 * $0 })
                #expect(try await post("/", "3").text == "0\n2\n4\n")
                let events = try await post("/", "2", headers: ["accept": "text/event-stream"])
                #expect(events.text == "data: 0\n\ndata: 2\n\n")
            }
        }

        // MARK: HTTP

        @Test(arguments: ways)
        func streamsAreAnsweredAsLinesOrEvents(way: Way) async throws {
            try await withStreams(way, routePrefix: "/") { _, _ in
                let lines = try await fetch("/count")
                #expect(lines.headers["content-type"] == "application/x-ndjson")
                #expect(lines.text == "0\n1\n2\n3\n4\n")
                let events = try await fetch("/count", headers: ["accept": "text/event-stream"])
                #expect(events.headers["content-type"] == "text/event-stream")
                #expect(events.text == (0..<5).map { "data: \($0)\n\n" }.joined())
                #expect(try await fetch("/text").text == "Once upon a time")
                let failed = try await fetch("/fail", headers: ["accept": "text/event-stream"])
                let last = "event: error\ndata: {\"error\":\"internal error\",\"status\":500}\n\n"
                #expect(failed.text == "data: 0\n\ndata: 1\n\n" + last)
            }
        }

        @Test(arguments: ways)
        func aSilentStreamOfEventsIsKeptAliveUntilItsClientLeaves(way: Way) async throws {
            try await withStreams(way, routePrefix: "/") { streams, journal in
                try await Connection.open { connection in
                    try await connection.send("GET /alive HTTP/1.1\r\nhost: test\r\n\r\n")
                    #expect(try await connection.head().headers["content-type"] == "text/event-stream")
                    var text = ""
                    while !(text.contains("data") && text.hasSuffix(":\n\n:\n\n")),
                        let chunk = try await connection.chunk()
                    {
                        text += String(buffer: chunk)
                    }
                    #expect(text.split(separator: ":\n\n") == ["data: 1\n\n"])
                }
                try await journal.wait(for: "alive cancelled")
                try await isIdle(streams)
            }
        }

        @Test(arguments: ways)
        func aClientThatLeavesInTheSilenceEndsTheStream(way: Way) async throws {
            try await withStreams(way, routePrefix: "/") { streams, journal in
                try await Connection.open { connection in
                    try await connection.send("GET /silence HTTP/1.1\r\nhost: test\r\n\r\n")
                    try await journal.wait(for: "http began")
                }
                try await journal.wait(for: "http cancelled")
                try await isIdle(streams)
            }
        }
    }
}
