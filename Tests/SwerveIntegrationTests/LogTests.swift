import Foundation
import Logging
import NIOCore
import Swerve
import SwerveCore
import SwerveLogs
import SwerveRuntime
import SwerveTesting
import Synchronization
import TestSupport
import Testing

extension IntegrationTests {
    /// Logs of whole instances with real processes.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct LogTests {
        private func withTalker(
            _ options: ServeOptions = .testing,
            isDirect: Bool = false,
            _ body: (ServeInstance, LogStore) async throws -> Void
        ) async throws {
            try await withTestInstance(options: options) { instance in
                let talker = Talker.options(directIngress: isDirect).bind(listener: Listener.bind())
                try await instance.run(talker, name: "talk", routePrefix: "/talk")
                try await instance.waitUntilHealthy("talk")
                if isDirect { try await eventuallyDirect(instance, "talk") }
                try await body(instance, try #require(await instance.logs))
            }
        }

        private func ask(_ instance: ServeInstance, _ path: String, _ id: String) async throws -> Answer {
            let port = try #require(await instance.port)
            return try await fetch(path, headers: ["x-request-id": id], port: port)
        }

        /// The first line with a text, once there is one.
        private func line(_ store: LogStore, _ text: String, of process: String? = nil) async throws -> LogLine {
            func find() -> LogLine? {
                store.read(LogQuery(process: process, contains: text)).lines.first
            }
            try await eventually("a line with '\(text)'") { find() != nil }
            return try #require(find())
        }

        @Test func `what a replica prints and logs is kept as its own, with the request`() async throws {
            try await withTalker { instance, store in
                let replicas =
                    await instance.status().applications["talk"]?.deployments.values.flatMap(\.replicas) ?? []
                let names = Dictionary(uniqueKeysWithValues: replicas.map { ($0.id.deployment.deployment, "\($0.id)") })
                let (talker, listener) = (try #require(names["Talker"]), try #require(names["Listener"]))
                #expect(try await ask(instance, "/talk/here", "request-7").text == "done")

                let printed = try await line(store, "printed /here")
                #expect(printed.source.description == talker && printed.stream == .output)
                let logged = try await line(store, "test.talker: logged")
                #expect(logged.source.description == talker && logged.stream == .error && logged.level == .info)
                let metadata = "application=talk deployment=Talker path=/here replica=\(talker) request_id=request-7"
                #expect(logged.text.hasSuffix("info test.talker: logged \(metadata)"), "\(logged.text)")
                // In the replica that it called, in a task that was started there.
                let heard = try await line(store, "test.listener: heard")
                #expect(heard.source.description == listener)
                #expect(
                    heard.text.hasSuffix("deployment=Listener replica=\(listener) request_id=request-7"),
                    "\(heard.text)"
                )
                // Outside of requests, the replica alone.
                let begins = try await line(store, "test.talker: begins")
                #expect(begins.text.hasSuffix("begins application=talk deployment=Talker replica=\(talker)"))
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `a logger knows the replica in every placement`(placement: DeploymentOptions.Placement) async throws {
            try await withTestInstance(placement: placement) { instance in
                let listener = try await instance.run(
                    Listener.options(numReplicas: 2).bind(),
                    name: "l",
                    routePrefix: nil
                )
                let replicas = await instance.status().applications["l"]?.deployments["Listener"]?.replicas ?? []
                var seen: Set<String> = []
                for number in 0..<40 {
                    let metadata = try await ServeContext.$current.withValue(ServeContext(requestID: "r\(number)")) {
                        try await listener.metadata()
                    }
                    #expect(metadata["request_id"] == "r\(number)")
                    #expect(metadata["application"] == "l")
                    #expect(metadata["deployment"] == "Listener")
                    seen.insert(metadata["replica"] ?? "")
                }
                #expect(seen == Set(replicas.map { "\($0.id)" }))
            }
        }

        @Test func `the last words of a replica stay after its end`() async throws {
            try await withTalker { instance, store in
                let victim = try #require(
                    await instance.status().applications["talk"]?.deployments["Talker"]?.replicas.first?.id
                )
                _ = try? await ask(instance, "/talk/end", "e")
                let last = try await line(store, "last words")
                #expect(last.source.description == "\(victim)")
                let fatal = try await line(store, "an end that a test wants", of: "\(victim)")
                #expect(fatal.number > last.number)
                try await eventually("it has ended") {
                    store.processes.contains { $0.source.description == "\(victim)" && !$0.isRunning }
                }
            }
        }

        @Test func `with a directory, each replica has a file`() async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "logs-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var options = ServeOptions.testing
            options.logs = LogOptions(directory: folder, format: .json, passesOn: false)
            try await withTalker(options) { instance, store in
                _ = try await ask(instance, "/talk/filed", "f")
                _ = try await line(store, "test.listener")
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(names.allSatisfy { $0.hasPrefix("replica-") && $0.hasSuffix(".log") })
            let talker = try #require(names.first { $0.hasSuffix("-talk-Talker.log") })
            let text = try String(contentsOfFile: "\(folder)/\(talker)", encoding: .utf8)
            #expect(text.contains("printed /filed\n"))
            let json = try #require(text.split(separator: "\n").first { $0.contains("\"logged\"") })
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect(object?["request_id"] as? String == "f")
            #expect(object?["metadata"] as? [String: String] == ["path": "/filed"])
        }

        @Test func `a directory that cannot be made fails the start`() async throws {
            var options = ServeOptions.testing
            options.logs.directory = "/proc/nowhere"
            let instance = ServeInstance(options)
            let error = await #expect(throws: ServeError.self) { try await instance.start() }
            #expect(error?.code == .invalidOptions)
            options.logs = LogOptions(maxLines: 0)
            let other = ServeInstance(options)
            let second = await #expect(throws: ServeError.self) { try await other.start() }
            #expect(second?.code == .invalidOptions)
        }

        // MARK: The access log

        @Test(arguments: ["proxy", "direct"])
        func `each request gets a line with its status, and without its query`(way: String) async throws {
            var options = ServeOptions.testing
            options.logs.accessLog = true
            options.proxies = way == "proxy" ? 1 : 0
            try await withTalker(options, isDirect: way == "direct") { instance, store in
                _ = try await ask(instance, "/talk/x?password=swordfish", "a1")
                let line = try await line(store, ": request ")
                #expect(line.source.kind == (way == "proxy" ? .proxy : .replica))
                for part in [
                    "application=talk deployment=Talker", "method=GET path=/talk/x ", "request_id=a1", "status=200",
                ] {
                    #expect(line.text.contains(part), "\(line.text)")
                }
                _ = try await ask(instance, "/nowhere?password=swordfish", "a2")
                _ = try await self.line(store, "request_id=a2 status=404")
                #expect(store.read(LogQuery(contains: "swordfish")).lines.isEmpty)
            }
        }

        @Test func `the embedded proxy writes with the instance's logger, and nothing without the option`() async throws
        {
            final class Lines: Sendable {
                let all = Mutex<[String]>([])
            }
            let written = Lines()
            var options = ServeOptions.testing
            options.logger = Logger(label: "own") { label in
                ServeLogHandler(
                    label: label,
                    format: .text,
                    level: .info,
                    metadataProvider: nil,
                    now: { 0 },
                    write: { line in written.all.withLock { $0.append(line) } }
                )
            }
            for isOn in [false, true] {
                options.logs.accessLog = isOn
                try await withTalker(options) { instance, store in
                    _ = try await ask(instance, "/talk/y", "b\(isOn)")
                    if isOn { _ = try await line(store, "request_id=btrue", of: "instance") }
                }
            }
            let requests = written.all.withLock { $0.filter { $0.contains(": request ") } }
            #expect(requests.count == 1 && requests.allSatisfy { $0.contains("request_id=btrue") })
        }
    }
}
