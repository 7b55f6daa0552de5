import CoreMetrics
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// What check-metrics.py scrapes: two deployments with metrics of their own, on a free port, which it prints.
//
//   metrics-app REPLICAS

@Deployment
distributed actor Doubler {
    private let doubled = Counter(label: "check.doubled", dimensions: [("hostile \"name\"", "a\\b\"c\nd\u{0}é")])
    private let sizes = Recorder(label: "check.sizes")

    @Batched(maxBatchSize: 8, waitTimeout: .milliseconds(1))
    func double(batch values: [Int]) -> [Int] {
        doubled.increment(by: values.count)
        sizes.record(values.count)
        return values.map { 2 * $0 }
    }
}

@Deployment
distributed actor Front: HTTPIngress {
    private let doubler: Doubler

    init(doubler: Doubler) {
        self.doubler = doubler
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        guard let value = Int(request.path.dropFirst()) else { throw ServeHTTPError(.badRequest, "no number") }
        return .text("\(try await doubler.double(value))")
    }
}

@main
enum MetricsApp {
    static func main() async throws {
        let replicas = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 2
        let instance = ServeInstance(ServeOptions(port: 0, showsMetrics: true))
        let doubler = Doubler.options(numReplicas: replicas, placement: .process).bind()
        try await instance.run(
            Front.options(numReplicas: replicas, placement: .process).bind(doubler: doubler),
            name: "check"
        )
        print("port \(await instance.port ?? 0)")
        // A pipe would otherwise keep the line.
        fflush(nil)
        for await status in await instance.statusUpdates() where status.applications.isEmpty { break }
    }
}
