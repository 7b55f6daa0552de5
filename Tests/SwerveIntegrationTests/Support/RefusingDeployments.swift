import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Takes two requests of each session.
struct TwoPerSession: AdmissionPolicy {
    private var counts: [String: Int] = [:]

    mutating func decide(_ context: AdmissionContext) -> AdmissionDecision {
        let count = counts[context.request.sessionKey ?? "", default: 0] + 1
        counts[context.request.sessionKey ?? ""] = count
        return count <= 2 ? .admit : .tooManyRequests("two are enough", retryAfter: .milliseconds(6500))
    }
}

/// Has an admission policy of its own.
@Deployment(admission: .type(TwoPerSession.self))
distributed actor Guarded: HTTPIngress {
    distributed func answer() -> Int { 1 }
    func respond(to request: ServeRequest) -> ServeResponse { .text("welcome") }
}

/// Holds every call until its process is killed, or the journal has its `release` entry.
@Deployment
distributed actor Doomed {
    private let journal: Journal

    distributed func enter() async throws {
        try await journal.note("entered \(getpid())")
        try await journal.wait(for: "release")
    }
}

/// Passes requests on to a deployment whose replicas die, and has them tried again.
@Deployment(placement: .inProcess)
distributed actor Persistent: HTTPIngress {
    private let doomed: Doomed

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        try await doomed.options(idempotent: true).enter()
        return .text("survived")
    }
}
