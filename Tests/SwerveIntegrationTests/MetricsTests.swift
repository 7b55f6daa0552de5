import Foundation
import Swerve
import SwerveRuntime
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// The metrics of whole instances with real processes.
    @Suite(.serialized, .timeLimit(.minutes(5))) struct MetricsTests {
        /// The sum of a family's samples that have these labels, among others, in Prometheus' text format.
        private func sum(_ name: String, _ labels: [String] = [], in text: String) -> Double {
            samples(name, labels, in: text).reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? .nan) }
        }

        private func samples(_ name: String, _ labels: [String] = [], in text: String) -> [String] {
            text.split(separator: "\n").map(String.init).filter { line in
                (line.hasPrefix("\(name) ") || line.hasPrefix("\(name){")) && labels.allSatisfy { line.contains($0) }
            }
        }

        private func text(_ instance: ServeInstance) async throws -> String {
            try #require(await instance.metricsText())
        }

        private func get(_ path: String, times: Int = 1, _ instance: ServeInstance, status: Int = 200) async throws {
            let port = try #require(await instance.port)
            for _ in 0..<times { #expect(try await fetch(path, port: port).status == status) }
        }

        private func healthy(_ instance: ServeInstance, _ replicas: Int) async throws {
            try await eventually("all replicas run") {
                let deployment = await instance.status().applications["a"]?.deployments["Metered"]
                return deployment?.replicas.map(\.state) == Array(repeating: .running, count: replicas)
            }
        }

        private func options(proxies: Int = 0) -> ServeOptions {
            var options = ServeOptions.testing
            options.proxies = proxies
            return options
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `requests are counted by route, by replica and by what became of them`(
            _ placement: DeploymentOptions.Placement
        ) async throws {
            try await withTestInstance(placement: placement) { instance in
                try await instance.run(Metered.options(numReplicas: 2).bind(), name: "a", routePrefix: "/m")
                try await get("/m", times: 20, instance)
                try await get("/m/fail", times: 3, instance, status: 500)
                try await get("/m/mistake", times: 2, instance, status: 400)
                try await get("/nowhere", instance, status: 404)
                let text = try await text(instance)
                let own = [#"application="a""#, #"deployment="Metered""#]
                #expect(sum("ray_serve_deployment_request_counter_total", own, in: text) == 22)
                #expect(
                    sum("ray_serve_deployment_error_counter_total", own + [#"exception_type="Opaque""#], in: text) == 3
                )
                #expect(sum("ray_serve_deployment_processing_latency_ms_count", own, in: text) == 25)
                #expect(
                    samples("ray_serve_replica_processing_queries", own + [#"replica="a/Metered#"#], in: text).count
                        == 2
                )
                #expect(sum("ray_serve_replica_processing_queries", own, in: text) == 0)
                let route = [#"application="a""#, #"route="/m""#, #"method="GET""#]
                #expect(sum("ray_serve_num_http_requests_total", route + [#"status_code="200""#], in: text) == 20)
                #expect(sum("ray_serve_num_http_requests_total", route + [#"status_code="500""#], in: text) == 3)
                #expect(sum("ray_serve_http_request_latency_ms_count", route, in: text) == 25)
                #expect(sum("ray_serve_num_http_error_requests_total", route + [#"error_code="400""#], in: text) == 2)
                #expect(sum("ray_serve_num_http_error_requests_total", [#"route="""#], in: text) == 1)
                #expect(sum("ray_serve_num_deployment_http_error_requests_total", own, in: text) == 5)
                #expect(sum("ray_serve_num_ongoing_http_requests", in: text) == 0)
                #expect(sum("ray_serve_num_router_requests_total", own + [#"handle="main""#], in: text) == 25)
                #expect(sum("ray_serve_num_ongoing_requests_at_replicas", own, in: text) == 0)
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `user code's metrics have the labels of its replica`(_ placement: DeploymentOptions.Placement) async throws
        {
            try await withTestInstance(placement: placement) { instance in
                try await instance.run(Metered.bind(), name: "a")
                try await get("/", times: 4, instance)
                let line = samples("test_jobs_total", in: try await text(instance))
                #expect(line.count == 1)
                let labels = #"{application="a",deployment="Metered",kind="a\"b\n",replica="a/Metered#"#
                #expect(line.first?.hasPrefix("test_jobs_total" + labels) == true)
                #expect(line.first?.hasSuffix(" 4") == true)
            }
        }

        @Test func `what killed replicas have counted is not lost`() async throws {
            try await withTestInstance { instance in
                try await instance.run(Metered.options(numReplicas: 2, placement: .process).bind(), name: "a")
                for round in 1...2 {
                    try await get("/", times: 10, instance)
                    let replicas = await instance.status().applications["a"]?.deployments["Metered"]?.replicas ?? []
                    let old = Set(replicas.map(\.id))
                    for process in replicas.compactMap(\.processID) { kill(process, SIGKILL) }
                    try await eventually("other replicas run") {
                        let now = await instance.status().applications["a"]?.deployments["Metered"]?.replicas ?? []
                        return now.count == 2 && now.allSatisfy { $0.state == .running && !old.contains($0.id) }
                    }
                    let text = try await text(instance)
                    #expect(sum("ray_serve_deployment_request_counter_total", in: text) == Double(10 * round))
                    #expect(sum("test_jobs_total", in: text) == Double(10 * round))
                    #expect(sum("ray_serve_deployment_replica_starts_total", in: text) == Double(2 + 2 * round))
                }
            }
        }

        @Test func `the requests of several proxies are added up, also of those that were replaced`() async throws {
            try await withTestInstance(options: options(proxies: 2)) { instance in
                try await instance.run(Metered.bind(), name: "a")
                try await get("/", times: 20, instance)
                var text = try await text(instance)
                #expect(sum("ray_serve_num_http_requests_total", in: text) == 20)
                #expect(samples("ray_serve_num_http_requests_total", in: text).count == 1)
                #expect(samples("ray_serve_proxy_status", in: text).count == 2)
                #expect(sum("ray_serve_proxy_status", in: text) == 4)
                try await instance.replaceProxies()
                try await get("/", times: 5, instance)
                text = try await self.text(instance)
                #expect(sum("ray_serve_num_http_requests_total", in: text) == 25)
                #expect(sum("ray_serve_num_router_requests_total", [#"handle="proxy""#], in: text) == 25)
            }
        }

        @Test func `requests that direct replicas take are counted`() async throws {
            try await withTestInstance { instance in
                let bound = Metered.options(numReplicas: 2, placement: .process, directIngress: true).bind()
                try await instance.run(bound, name: "a")
                try await eventuallyDirect(instance, "a")
                try await get("/", times: 20, instance)
                try await get("/fail", instance, status: 500)
                let text = try await text(instance)
                #expect(sum("ray_serve_num_http_requests_total", [#"route="/""#], in: text) == 21)
                #expect(sum("ray_serve_deployment_request_counter_total", in: text) == 20)
            }
        }

        @Test func `a replica's series are limited, and the sum stays right`() async throws {
            try await withTestInstance { instance in
                try await instance.run(Metered.options(placement: .process).bind(), name: "a")
                try await get("/many", instance)
                let text = try await text(instance)
                #expect(sum("test_users_total", in: text) == 5000)
                #expect(samples("test_users_total", in: text).count < 4097)
                #expect(sum("test_users_total", [#"overflow="true""#], in: text) > 900)
                #expect(sum("swerve_metrics_refused_total", in: text) > 900)
            }
        }

        @Test(arguments: DeploymentOptions.Placement.all)
        func `batches, models and calls between deployments are counted`(
            _ placement: DeploymentOptions.Placement
        ) async throws {
            try await withTestInstance(placement: placement) { instance in
                let caller = try await instance.run(
                    MeteredCaller.bind(metered: Metered.bind()),
                    name: "a",
                    routePrefix: nil
                )
                let metered = try await instance.deploymentHandle("Metered", application: "a", as: Metered.self)
                for value in 0..<6 {
                    #expect(try await metered.double(value) == 2 * value)
                    #expect(try await caller.work(value) == value)
                }
                await #expect(throws: Refused.self) { try await caller.work(-1) }
                for id in ["x", "x", "y"] { #expect(try await metered.answer(id) == "model \(id)") }
                let own = [#"deployment="Metered""#]
                try await eventually("the last model is unloaded, and the status has the new one") {
                    let text = try await self.text(instance)
                    return self.sum("ray_serve_registered_multiplexed_model_id", [#"model_id="y""#], in: text) == 1
                }
                let text = try await text(instance)
                let method = own + [#"function_name="double(batch:)""#]
                #expect(sum("ray_serve_batches_processed_total", method, in: text) == 6)
                #expect(sum("ray_serve_actual_batch_size_sum", method, in: text) == 6)
                #expect(sum("ray_serve_batch_wait_time_ms_count", method, in: text) == 6)
                #expect(sum("ray_serve_batch_queue_length", method, in: text) == 0)
                #expect(sum("ray_serve_multiplexed_get_model_requests_counter_total", own, in: text) == 3)
                #expect(sum("ray_serve_multiplexed_models_load_counter_total", own, in: text) == 2)
                #expect(sum("ray_serve_multiplexed_models_unload_counter_total", own, in: text) == 1)
                #expect(sum("ray_serve_num_multiplexed_models", own, in: text) == 1)
                let handle = placement == .process ? "a/MeteredCaller" : "main"
                #expect(sum("ray_serve_handle_request_counter_total", own + [#"handle="\#(handle)""#], in: text) >= 7)
                #expect(
                    sum("ray_serve_deployment_error_counter_total", own + [#"exception_type="Refused""#], in: text) == 1
                )
            }
        }

        @Test func `what follows from the status is there`() async throws {
            try await withTestInstance { instance in
                try await instance.run(Metered.options(numReplicas: 2, placement: .process).bind(), name: "a")
                try await healthy(instance, 2)
                let text = try await text(instance)
                #expect(sum("ray_serve_application_status", [#"application="a""#], in: text) == 6)
                #expect(sum("ray_serve_deployment_status", [#"deployment="Metered""#], in: text) == 6)
                #expect(sum("ray_serve_deployment_replica_healthy", in: text) == 2)
                #expect(sum("ray_serve_autoscaling_target_replicas", in: text) == 2)
                #expect(sum("ray_serve_replica_startup_latency_ms_count", in: text) == 2)
                #expect(sum("ray_serve_proxy_status", in: text) == 2)
                #expect(samples("swerve_process_resident_memory_bytes", in: text).count == 3)
                #expect(sum("swerve_process_resident_memory_bytes", in: text) > Double(3 << 20))
                #expect(samples("swerve_process_cpu_seconds_total", in: text).count == 3)
            }
        }

        @Test func `OpenMetrics has the ids of requests as exemplars`() async throws {
            try await withTestInstance { instance in
                try await instance.run(Metered.options(placement: .inProcess).bind(), name: "a")
                let port = try #require(await instance.port)
                try await Connection.open(port: port) { connection in
                    try await connection.send("GET / HTTP/1.1\r\nhost: a\r\nx-request-id: find-me\r\n\r\n")
                    #expect(try await connection.response().status == 200)
                }
                let text = try #require(await instance.metricsText(openMetrics: true))
                #expect(text.contains("# {request_id=\"find-me\"}"))
                #expect(text.hasSuffix("# EOF\n"))
            }
        }

        @Test func `the series of the last hour have the requests`() async throws {
            try await withTestInstance { instance in
                try await instance.run(Metered.options(placement: .process).bind(), name: "a", routePrefix: "/m")
                try await eventually("a reading without requests") {
                    await instance.series()?.contains(#""a/Metered""#) == true
                }
                try await get("/m", times: 20, instance)
                try await eventually("a reading with requests") {
                    let series = await instance.series() ?? ""
                    return series.contains(#""routes":{"/m""#) && series.contains(#""requests_per_s":[null"#)
                        && series.contains(#""p99_ms""#)
                }
            }
        }

        @Test func `an instance that does not run has no metrics`() async throws {
            let instance = ServeInstance(.testing)
            #expect(await instance.metricsText() == nil)
            #expect(await instance.series() == nil)
        }
    }
}
