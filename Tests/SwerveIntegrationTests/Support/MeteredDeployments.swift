import CoreMetrics
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Counts its requests with swift-metrics, too.
@Deployment
distributed actor Metered: HTTPIngress {
    private let jobs = CoreMetrics.Counter(label: "test.jobs", dimensions: [("kind", "a\"b\n")])

    init() {}

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        jobs.increment()
        switch request.path {
        case "/fail": throw Opaque()
        case "/mistake": throw ServeHTTPError(.badRequest, "a mistake of the client")
        case "/many":
            for index in 0..<5000 {
                CoreMetrics.Counter(label: "test_users", dimensions: [("user", "\(index)")]).increment()
            }
            return .text("done")
        default: return .text("\(getpid())")
        }
    }

    distributed func work(_ value: Int) throws -> Int {
        if value < 0 { throw Refused(reason: "negative", code: value) }
        return value
    }

    @Batched(maxBatchSize: 4, waitTimeout: .zero)
    func double(batch values: [Int]) -> [Int] { values.map { 2 * $0 } }

    @Multiplexed(maxModelsPerReplica: 1)
    func model(load id: String) -> String { "model \(id)" }

    distributed func answer(_ id: String) async throws -> String { try await model(id) }
}

/// Calls another deployment for each of its requests.
@Deployment
distributed actor MeteredCaller {
    private let metered: Metered

    init(metered: Metered) {
        self.metered = metered
    }

    distributed func work(_ value: Int) async throws -> Int { try await metered.work(value) }
}
