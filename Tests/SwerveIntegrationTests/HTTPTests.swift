import NIOCore
import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct HTTP {
        /// Runs the ingress below `prefix` for the duration of `body`.
        private func withFront(
            _ way: Way,
            prefix: String = "/",
            maxOngoingRequests: Int = 100,
            _ body: (Front, Journal) async throws -> Void
        ) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: way.placement).bind()
            let bound = Front.options(
                maxOngoingRequests: maxOngoingRequests,
                placement: way.placement,
                directIngress: way.isDirect
            ).bind(
                back: Model.options(placement: way.placement).bind(),
                journal: journal
            )
            try await withApplication(bound, routePrefix: prefix) { front, name in
                try await eventuallyHealthy(name, way)
                try await body(
                    front,
                    try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                )
            }
        }

        @Test(arguments: ways)
        func aRequestsBodyComesBackAndItsPathIsSeenBelowThePrefix(
            way: Way
        ) async throws {
            try await withFront(way, prefix: "/front") { _, _ async throws in
                #expect(try await post("/front/echo", "hello").text == "hello")
                #expect(try await fetch("/front/a/b?x=1").text == "/front|/a/b|x=1")
                #expect(try await fetch("/front").text == "/front|/|")
                #expect(try await fetch("/frontier").status == 404)
                #expect(try await fetch("/").status == 404)
            }
        }

        @Test func theLongestPrefixAnswers() async throws {
            try await withFront(.inProcess, prefix: "/") { _, _ async throws in
                try await withFront(.process, prefix: "/deep/er") { _, _ async throws in
                    #expect(try await fetch("/deep/x").text == "|/deep/x|")
                    #expect(try await fetch("/deep/er/x").text == "/deep/er|/x|")
                    let routes = try await fetch("/-/routes").text
                    #expect(routes.contains("\"/\":") && routes.contains("\"/deep/er\":"))
                }
                #expect(try await fetch("/deep/er/x").text == "|/deep/er/x|")
            }
            #expect(try await fetch("/-/healthz").text == "success\n")
        }

        @Test(arguments: ways)
        func jsonIsDecodedAndWhatIsWrongWithItIsSaid(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                let good = try await post("/json", #"{"x":1,"y":2}"#)
                #expect(good.headers["content-type"] == "application/json")
                #expect([#"{"x":2,"y":1}"#, #"{"y":1,"x":2}"#].contains(good.text))
                let bad = try await post("/json", #"{"x":1,"y":"two"}"#)
                #expect(bad.status == 422)
                #expect(bad.text.contains("y"))
                #expect(try await post("/json", "{").status == 400)
            }
        }

        @Test(arguments: ways)
        func errorsAnswerWithTheirStatusAndKeepTheirSecrets(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                let teapot = try await fetch("/teapot")
                #expect(teapot.status == 418)
                #expect(teapot.text.contains("short and stout"))
                let failure = try await fetch("/fail")
                #expect(failure.status == 500)
                #expect(!failure.text.contains("42"))
            }
        }

        @Test(arguments: ways)
        func theRequestIDReachesEveryDeploymentAndComesBack(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                let given = try await fetch("/context", headers: ["x-request-id": "given-1"])
                #expect(given.text == "given-1 given-1")
                #expect(given.headers["x-request-id"] == "given-1")
                let made = try await fetch("/context")
                let id = try #require(made.headers["x-request-id"])
                #expect(made.text == "\(id) \(id)")
                #expect(try await fetch("/context").headers["x-request-id"] != id)
            }
        }

        @Test(arguments: ways)
        func priorityAndSessionAndModelReachEveryDeployment(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                #expect(try await fetch("/way").text == "normal - -, normal - -")
                let headers = ["X-Request-Priority": "high", "x-session-id": "s-1", "serve_multiplexed_model_id": "m"]
                #expect(try await fetch("/way", headers: headers).text == "high s-1 m, high s-1 m")
                let refused = try await fetch("/way", headers: ["x-request-priority": "urgent"])
                #expect(refused.status == 400 && refused.text.contains("x-request-priority"))
            }
        }

        @Test(arguments: ways)
        func pipelinedRequestsAreAnsweredInOrder(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                try await Connection.open { connection async throws in
                    let requests = (0..<50).map { "GET /\($0) HTTP/1.1\r\nhost: x\r\n\r\n" }
                    try await connection.send(requests.joined())
                    for number in 0..<50 { #expect(try await connection.response().text == "|/\(number)|") }
                }
            }
        }

        @Test(arguments: ways)
        func aLongUploadIsReadAsItComes(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                let size = 20 << 20
                #expect(
                    try await fetch("/upload", method: "POST", body: ByteBuffer(repeating: 1, count: size)).text
                        == "\(size)"
                )
                let chunked = try await Connection.open { connection async throws in
                    try await connection.send("POST /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
                    for _ in 0..<3 { try await connection.send("5\r\nhello\r\n") }
                    try await connection.send("0\r\n\r\n")
                    return try await connection.response()
                }
                #expect(chunked.text == "15")
            }
        }

        @Test(arguments: ways)
        func aReplicaThatDoesNotReadHoldsTheClientUp(way: Way) async throws {
            try await withFront(way) { _, journal in
                try await Connection.open { connection async throws in
                    let (size, part) = (64 << 20, 1 << 20)
                    let sent = Counter()
                    try await connection.send(
                        "POST /slow-upload HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n"
                    )
                    async let upload: Void = {
                        for _ in 0..<(size / part) {
                            try await connection.send(ByteBuffer(repeating: 1, count: part))
                            sent.add(part)
                        }
                    }()
                    try await journal.wait(for: "began slow upload")
                    // Windows and socket buffers are full now; the rest waits at the client.
                    let taken = try await settled { sent.value }
                    #expect(taken < size / 2)
                    try await journal.note("read")
                    try await upload
                    #expect(try await connection.response().text == "\(size)")
                }
            }
        }

        @Test(arguments: ways)
        func aClientThatDoesNotReadHoldsTheReplicaUp(way: Way) async throws {
            try await withFront(way) { front, _ in
                try await Connection.open { connection async throws in
                    try await connection.send("GET /download HTTP/1.1\r\nhost: x\r\n\r\n")
                    #expect(try await connection.head().status == 200)
                    let produced = try await settled { try await front.bytesProduced() }
                    #expect(produced < Download.bytes * 3 / 4)
                    var count = 0
                    var isRight = true
                    while let chunk = try await connection.chunk() {
                        let expected = UInt8((count / Download.chunkBytes) % 251)
                        isRight = isRight && chunk.readableBytesView.first == expected
                        count += chunk.readableBytes
                    }
                    #expect(count == Download.bytes)
                    #expect(isRight)
                }
            }
        }

        @Test(arguments: ways)
        func aDownloadThatBreaksOffIsNotTakenForTheWhole(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                try await Connection.open { connection async throws in
                    try await connection.send("GET /broken-download HTTP/1.1\r\nhost: x\r\n\r\n")
                    // The connection may be cut before the head arrives; the last chunk must never arrive.
                    await #expect(throws: (any Error).self) {
                        _ = try await connection.head()
                        while try await connection.chunk() != nil {}
                    }
                }
                #expect(try await fetch("/still").status == 200)
            }
        }

        @Test(arguments: ways)
        func aClientThatLeavesCancelsItsRequest(way: Way) async throws {
            try await withFront(way) { front, journal async throws in
                try await Connection.open { connection async throws in
                    try await connection.send("GET /hang HTTP/1.1\r\nhost: x\r\n\r\n")
                    try await journal.wait(for: "began hang")
                }
                try await journal.wait(for: "cancelled hang")
                try await eventually("the lease is back") { front.load == (0, 0) }
            }
        }

        @Test(arguments: ways)
        func requestsBeyondTheLimitWaitForTheirTurn(way: Way) async throws {
            try await withFront(way, maxOngoingRequests: 1) { front, journal async throws in
                async let first = fetch("/gate")
                try await journal.wait(for: "began gate")
                async let second = post("/echo", "second")
                try await eventually("the second waits") { front.load.queued == 1 }
                try await journal.note("open gate")
                #expect(try await first.text == "through")
                #expect(try await second.text == "second")
            }
        }

        @Test(arguments: [Way.process, .direct])
        func malformedRequestsAreRefusedAndHarmNobodyElse(way: Way) async throws {
            try await withFront(way) { _, _ async throws in
                let malformed: [(String, Int)] = [
                    ("GET /\r\n\r\n", 400),
                    ("GET / HTTP/1.1\r\n\r\n", 400),
                    ("GET / HTTP/3.0\r\nhost: x\r\n\r\n", 505),
                    ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", 400),
                    ("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
                    ("GET / HTTP/1.1\r\nhost: x\r\nlong: \(String(repeating: "x", count: 70_000))\r\n\r\n", 431),
                    ("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n", 413),
                ]
                for (text, status) in malformed {
                    let answered = try await Connection.open { connection async throws in
                        try await connection.send(text)
                        return try await connection.response().status
                    }
                    #expect(answered == status, "\(text.prefix(60))")
                    #expect(try await post("/echo", "alive").text == "alive")
                }
            }
        }
    }
}
