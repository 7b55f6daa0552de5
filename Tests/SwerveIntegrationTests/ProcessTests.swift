import NIOCore
import Swerve
import SwerveCore
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension IntegrationTests {
    /// The death of a replica's process costs only the requests that it had begun.
    @Suite struct Processes {
        private func processes(of deployment: String, _ name: String) async -> [Int32] {
            let status = await instance.status().applications[name]?.deployments[deployment]
            return status?.replicas.filter { $0.state == .running }.compactMap(\.processID) ?? []
        }

        private func front(_ replicas: Int, limit: Int = 100) -> Front {
            Front.options(numReplicas: replicas, maxOngoingRequests: limit).bind(
                back: Model.options(placement: .inProcess).bind(),
                journal: Journal.options(maxOngoingRequests: 1000, placement: .inProcess).bind()
            )
        }

        /// Bytes that differ from those of every other request.
        private static func body(_ number: Int, _ size: Int) -> ByteBuffer {
            var random = SplitMix64(seed: UInt64(number))
            var body = ByteBuffer()
            while body.readableBytes < size { body.writeInteger(random.next()) }
            return body.readSlice(length: size) ?? body
        }

        // MARK: Killed under load

        /// Sends one request after another until `isOver`, on a new connection when the server closed the last one.
        private func ask(_ client: Int, _ isOver: Flag, _ answered: Counter) async throws -> [Int: Int] {
            var random = SplitMix64(seed: UInt64(client))
            var statuses: [Int: Int] = [:]
            var number = 0
            while !isOver.isSet {
                try await Connection.open { connection in
                    var isOpen = true
                    while isOpen, !isOver.isSet {
                        number += 1
                        // Larger bodies are streamed.
                        let isLong = random.next(below: 20) == 0
                        let size = isLong ? 2 << 20 : random.next(below: [100, 20_000, 400_000][random.next(below: 3)])
                        let body = Self.body(client << 32 | number, size)
                        let answer = try await post(body, to: isLong ? "/upload" : "/echo", on: connection)
                        statuses[answer.status, default: 0] += 1
                        if answer.status == 200 {
                            let wanted = isLong ? ByteBuffer(string: "\(size)") : body
                            #expect(answer.body == wanted, "client \(client), request \(number): \(answer.body)")
                        }
                        answered.add(1)
                        isOpen = answer.headers["connection"] != "close"
                    }
                    // Nothing unrequested arrived.
                    if !isOpen { #expect(await connection.isClosed()) }
                }
            }
            return statuses
        }

        private func post(_ body: ByteBuffer, to path: String, on connection: Connection) async throws -> Answer {
            let head = "POST \(path) HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.readableBytes)\r\n\r\n"
            try await connection.send(head)
            // The answer may arrive, and the connection may close, before the whole body is sent.
            try? await connection.send(body)
            return try await connection.response()
        }

        @Test func `every request gets one answer when replicas are killed at random moments`() async throws {
            let (clients, kills) = (6, 4)
            try await withApplication(front(2), routePrefix: "/") { _, name in
                try await eventuallyHealthy(name)
                let (isOver, answered) = (Flag(), Counter())
                let statuses = try await withThrowingTaskGroup(of: [Int: Int].self) { group in
                    for client in 1...clients { group.addTask { try await ask(client, isOver, answered) } }
                    group.addTask {
                        defer { isOver.set() }
                        var random = SplitMix64(seed: 5)
                        for _ in 0..<kills {
                            let moment = answered.value + random.next(below: 40)
                            try await eventually("the load continues") { answered.value >= moment }
                            if let process = await processes(of: "Front", name).randomElement(using: &random) {
                                kill(process, SIGKILL)
                            }
                            if random.next(below: 2) == 0 { try await eventuallyHealthy(name) }
                        }
                        let moment = answered.value + 50
                        try await eventually("the load continues") { answered.value >= moment }
                        return [:]
                    }
                    return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
                }
                #expect(Set(statuses.keys).isSubset(of: [200, 502, 503]), "\(statuses)")
                #expect(statuses[200, default: 0] > 50, "\(statuses)")
                // At most the requests that were ongoing at each kill.
                #expect(statuses[502, default: 0] + statuses[503, default: 0] <= kills * clients, "\(statuses)")
                try await eventuallyHealthy(name)
            }
        }

        // MARK: Stopped

        private func isStopped(_ process: Int32) -> Bool {
            guard let stat = contents("/proc/\(process)/stat"), let end = stat.lastIndex(of: ")") else { return false }
            return stat[end...].dropFirst(2).first == "T"
        }

        #if os(Linux)
            @Test func `when a stopped replica dies, others answer the requests that it had not begun`()
                async throws
            {
                try await withApplication(front(2), routePrefix: "/") { _, name in
                    try await eventuallyHealthy(name)
                    let stopped = try #require(await processes(of: "Front", name).first)
                    kill(stopped, SIGSTOP)
                    try await eventually("it is stopped") { isStopped(stopped) }
                    let answered = Counter()
                    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                        for number in 0..<32 {
                            group.addTask {
                                defer { answered.add(1) }
                                let body = Self.body(number, number * 1_000)
                                let answer = try await fetch("/echo", method: "POST", body: body)
                                if answer.status == 200 { #expect(answer.body == body) }
                                return answer.status
                            }
                        }
                        // Some go to the stopped replica and wait there.
                        let others = try await settled { answered.value }
                        #expect(others < 32)
                        kill(stopped, SIGKILL)
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(statuses == Array(repeating: 200, count: 32))
                    try await eventuallyHealthy(name)
                }
            }

            @Test func `requests to a stopped replica are answered when it continues`() async throws {
                try await withApplication(front(1), routePrefix: "/") { _, name in
                    try await eventuallyHealthy(name)
                    let stopped = try #require(await processes(of: "Front", name).first)
                    kill(stopped, SIGSTOP)
                    try await eventually("it is stopped") { isStopped(stopped) }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<32 {
                            group.addTask {
                                let body = Self.body(number, number * 10_000)
                                let answer = try await fetch("/echo", method: "POST", body: body)
                                #expect(answer.status == 200)
                                #expect(answer.body == body)
                            }
                        }
                        kill(stopped, SIGCONT)
                        try await group.waitForAll()
                    }
                }
            }

            // MARK: What the main process holds

            @Test func `large answers are produced only as fast as clients read them`() async throws {
                let clients = 16
                try await withApplication(front(1), routePrefix: "/") { front, name in
                    try await eventuallyHealthy(name)
                    let (isOver, waiting) = (Flag(), Counter())
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<clients {
                            group.addTask {
                                try await Connection.open { connection async throws in
                                    try await connection.send("GET /download HTTP/1.1\r\nhost: x\r\n\r\n")
                                    #expect(try await connection.head().status == 200)
                                    waiting.add(1)
                                    try await eventually("the test is over") { isOver.isSet }
                                }
                            }
                        }
                        try await eventually("all are answered") { waiting.value == clients }
                        let produced = try await settled { try await front.bytesProduced() }
                        #expect(produced < clients * Download.bytes / 2)
                        isOver.set()
                        try await group.waitForAll()
                    }
                }
            }

            /// The file descriptors of this process, and its mappings of replicas' boards.
            private func held() -> (descriptors: Int, boards: Int) {
                let boards = contents("/proc/self/maps")?.split(separator: "\n").count {
                    $0.contains("/replica-") && $0.contains(".board")
                }
                return (names("/proc/self/fd").count, boards ?? -1)
            }

            @Test func `ten restarts of a replica leak no descriptor and no mapping`() async throws {
                try await withApplication(front(1), routePrefix: "/") { _, name in
                    try await eventuallyHealthy(name)
                    #expect(try await fetch("/x").status == 200)
                    let before = held()
                    #expect(before.boards >= 1)
                    for _ in 0..<10 {
                        let process = try #require(await processes(of: "Front", name).first)
                        kill(process, SIGKILL)
                        try await eventually("it is replaced") {
                            let now = await processes(of: "Front", name)
                            return now.count == 1 && now[0] != process
                        }
                        #expect(try await fetch("/x").status == 200)
                    }
                    // Other tests of this process open and close descriptors, too.
                    try await eventually("\(before) again instead of \(held())") {
                        let now = held()
                        return now.boards <= before.boards && now.descriptors <= before.descriptors
                    }
                }
            }
        #endif

        private func contents(_ path: String) -> String? {
            guard let file = fopen(path, "r") else { return nil }
            defer { fclose(file) }
            var bytes: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 4096)
            while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part.prefix(count) }
            return String(decoding: bytes, as: UTF8.self)
        }

        private func names(_ path: String) -> [String] {
            guard let folder = opendir(path) else { return [] }
            defer { closedir(folder) }
            var names: [String] = []
            while let entry = readdir(folder) {
                names.append(
                    withUnsafePointer(to: &entry.pointee.d_name) {
                        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    }
                )
            }
            return names
        }

        // MARK: Run

        @Test(arguments: placements)
        func `a cancelled run returns, and its application can be deleted`(
            placement: DeploymentOptions.Placement
        ) async throws {
            let name = Instance.newName()
            let bound = Stuck.options(
                placement: placement,
                gracefulShutdownTimeout: .milliseconds(100)
            ).bind(isStuck: true)
            let run = Task { try await instance.run(bound, name: name, routePrefix: nil) }
            try await eventually("a replica is being made") {
                await instance.status().applications[name]?.deployments["Stuck"]?.replicas.isEmpty == false
            }
            run.cancel()
            await #expect(throws: CancellationError.self) { _ = try await run.value }
            #expect(await instance.status().applications[name] != nil)
            try await instance.delete(name)
            #expect(await instance.status().applications[name] == nil)
            // The name can be used again.
            let handle = try await instance.run(
                Stuck.options(placement: placement).bind(isStuck: false),
                name: name,
                routePrefix: nil
            )
            #expect(try await handle.answer() == 1)
            try await instance.delete(name)
        }
    }
}
