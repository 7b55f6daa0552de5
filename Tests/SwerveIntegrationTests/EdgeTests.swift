import Foundation
import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// What is counted of the calls between deployments: the edges of their graph.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct EdgeTests {
        /// Where the replicas of the three deployments run.
        struct Placements: Sendable, CustomTestStringConvertible {
            let first: DeploymentOptions.Placement
            let second: DeploymentOptions.Placement
            let third: DeploymentOptions.Placement
            var testDescription: String { "\(first), \(second), \(third)" }

            static let all = [
                Placements(first: .inProcess, second: .inProcess, third: .inProcess),
                Placements(first: .process, second: .process, third: .process),
                Placements(first: .inProcess, second: .process, third: .inProcess),
                Placements(first: .process, second: .inProcess, third: .process),
            ]
        }

        /// Runs the three deployments, and returns a handle of the second.
        private func run(_ placements: Placements, _ instance: ServeInstance) async throws -> EdgeSecond {
            let third = EdgeThird.options(placement: placements.third).bind()
            let second = EdgeSecond.options(placement: placements.second).bind(third: third)
            let first = EdgeFirst.options(placement: placements.first).bind(second: second, third: third)
            try await instance.run(first, name: "a", routePrefix: "/e")
            return try await instance.deploymentHandle("EdgeSecond", application: "a", as: EdgeSecond.self)
        }

        private func ask(_ instance: ServeInstance) async throws {
            let port = try #require(await instance.port)
            #expect(try await fetch("/e", port: port).status == 200)
        }

        /// A count of the calls from a caller to a deployment; `nil` if there is none.
        private func count(_ name: String, _ caller: String, _ callee: String, _ instance: ServeInstance) async throws
            -> Int?
        {
            let text = try #require(await instance.metricsText())
            let series = #"\#(name){application="a",caller="\#(caller)",deployment="\#(callee)"} "#
            let line = text.split(separator: "\n").first { $0.hasPrefix(series) }
            return line.flatMap { Int($0.dropFirst(series.count)) }
        }

        private func calls(_ caller: String, _ callee: String, _ instance: ServeInstance) async throws -> Int? {
            try await count("swerve_handle_latency_ms_count", caller, callee, instance)
        }

        private func errors(_ caller: String, _ callee: String, _ instance: ServeInstance) async throws -> Int? {
            try await count("swerve_handle_error_counter_total", caller, callee, instance)
        }

        @Test(arguments: Placements.all)
        func `each edge counts the calls that were made`(_ placements: Placements) async throws {
            try await withTestInstance { instance in
                let second = try await run(placements, instance)
                for _ in 0..<5 { try await ask(instance) }
                #expect(try await calls("a/EdgeFirst", "EdgeSecond", instance) == 5)
                #expect(try await calls("a/EdgeFirst", "EdgeThird", instance) == 5)
                // One is made by the initialiser.
                #expect(try await calls("a/EdgeSecond", "EdgeThird", instance) == 11)
                #expect(try await calls("main", "EdgeSecond", instance) == nil)
                for _ in 0..<3 { #expect(try await second.failing() == 0) }
                #expect(try await calls("main", "EdgeSecond", instance) == 3)
                #expect(try await errors("main", "EdgeSecond", instance) == 0)
                #expect(try await calls("a/EdgeSecond", "EdgeThird", instance) == 14)
                #expect(try await errors("a/EdgeSecond", "EdgeThird", instance) == 3)
                #expect(try await errors("a/EdgeFirst", "EdgeThird", instance) == 0)
                // Requests over HTTP are no calls by handle.
                #expect(try await calls("main", "EdgeFirst", instance) == nil)
                #expect(try await calls("main", "EdgeThird", instance) == nil)
            }
        }

        @Test(arguments: Placements.all)
        func `calls from batches and from streams count for the deployment whose code makes them`(
            _ placements: Placements
        ) async throws {
            try await withTestInstance { instance in
                let second = try await run(placements, instance)
                let results = try await withThrowingTaskGroup(of: Int.self) { group in
                    for value in 0..<8 { group.addTask { try await second.batched(value) } }
                    return try await group.reduce(0, +)
                }
                #expect(results == 28)
                #expect(try await calls("a/EdgeSecond", "EdgeThird", instance) == 9)
                #expect(try await calls("main", "EdgeSecond", instance) == 8)
                var sum = 0
                for try await value in try await second.each(to: 6) { sum += value }
                #expect(sum == 15)
                #expect(try await calls("a/EdgeSecond", "EdgeThird", instance) == 15)
                #expect(try await calls("main", "EdgeThird", instance) == nil)
                try await eventually("the stream has ended its call") {
                    try await calls("main", "EdgeSecond", instance) == 9
                }
            }
        }

        @Test(arguments: Placements.all)
        func `a stream that breaks off is one failed call, and one that nobody reads to its end is none`(
            _ placements: Placements
        ) async throws {
            try await withTestInstance { instance in
                let second = try await run(placements, instance)
                for round in 1...3 {
                    var values: [Int] = []
                    let error = await #expect(throws: Refused.self) {
                        for try await value in try await second.passing(5, thenFails: true) { values.append(value) }
                    }
                    #expect(error?.code == 5)
                    #expect(values == [0, 1, 2, 3, 4])
                    try await eventually("the call has failed") {
                        let outer = try await errors("main", "EdgeSecond", instance)
                        let inner = try await errors("a/EdgeSecond", "EdgeThird", instance)
                        return outer == round && inner == round
                    }
                }
                for _ in 0..<3 {
                    for try await value in try await second.passing(5, thenFails: false) where value == 3 { break }
                }
                let stream = try await second.passing(5, thenFails: false)
                let reader = Task { for try await _ in stream {} }
                reader.cancel()
                _ = await reader.result
                try await eventually("all calls are over") {
                    let outer = try await calls("main", "EdgeSecond", instance)
                    let inner = try await calls("a/EdgeSecond", "EdgeThird", instance)
                    return outer == 7 && inner == 8
                }
                #expect(try await errors("main", "EdgeSecond", instance) == 3)
                #expect(try await errors("a/EdgeSecond", "EdgeThird", instance) == 3)
            }
        }

        /// The edges of ``ServeInstance/series()``, by caller and deployment.
        private struct Series: Decodable {
            struct Part: Decodable { var edges: [String: [String: [String: [Double?]]]] }
            var fine: Part
        }

        @Test func `the series of the last hour have rates and latencies of each edge`() async throws {
            try await withTestInstance { instance in
                _ = try await run(Placements.all[0], instance)
                let edges = ["a/EdgeFirst": ["a/EdgeSecond", "a/EdgeThird"], "a/EdgeSecond": ["a/EdgeThird"]]
                try await eventually("every edge has a rate and a latency") {
                    try await ask(instance)
                    let json = try #require(await instance.series())
                    let series = try JSONDecoder().decode(Series.self, from: Data(json.utf8)).fine.edges
                    return edges.allSatisfy { caller, callees in
                        callees.allSatisfy { callee in
                            let columns = series[caller]?[callee] ?? [:]
                            let rate = (columns["requests_per_s"] ?? []).compactMap(\.self).max() ?? 0
                            return rate > 0 && columns["p50_ms"]?.contains { $0 != nil } == true
                        }
                    }
                }
            }
        }
    }
}
