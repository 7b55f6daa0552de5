import Swerve
import Tracing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Refusal: Error, CustomStringConvertible {
    let description: String
}

/// Scores words, several at a time, with the help of another deployment.
@Deployment
distributed actor Ranker {
    private let catalogue: Catalogue
    /// How many words of a request for three are still to come.
    private var left = 3

    init(catalogue: Catalogue) {
        self.catalogue = catalogue
    }

    @Batched(maxBatchSize: 3)
    func score(batch words: [String]) async throws -> [Int] {
        if left == 3 {
            // The first batch runs as soon as a word is here; what comes meanwhile shares the next one.
            while words.count + scoreBatching.waiting < 3 {
                await Task.yield()
            }
        }
        left = left == words.count ? 3 : left - words.count
        return try await withSpan("model") { span in
            span.attributes["words"] = words.count
            _ = try await catalogue.length(of: words.joined())
            return words.map(\.count)
        }
    }
}

/// Counts letters, one word at a time, so that the others wait.
@Deployment(maxOngoingRequests: 1)
distributed actor Catalogue {
    distributed func length(of word: String) async throws -> Int {
        if word.isEmpty { throw Refusal(description: "there is no word") }
        // Long enough for a call that is made at the same time to wait.
        var number = UInt64(word.count)
        for _ in 0..<2_000_000 { number = number &* 6_364_136_223_846_793_005 &+ 1 }
        return number == 0 ? 0 : word.count
    }
}

/// What comes in.
@Deployment
distributed actor Front: HTTPIngress {
    private let ranker: Ranker
    private let catalogue: Catalogue

    init(ranker: Ranker, catalogue: Catalogue) {
        self.ranker = ranker
        self.catalogue = catalogue
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        // Three calls, of which at least two share a batch.
        case "/batch":
            async let first = ranker.score("one")
            async let second = ranker.score("three")
            async let third = ranker.score("fifteen")
            return .text("\(try await first + second + third)")
        // Two calls, of which one waits.
        case "/queue":
            async let first = catalogue.length(of: "one")
            async let second = catalogue.length(of: "three")
            return .text("\(try await first + second)")
        // A call within a span of this code.
        case "/span":
            let length = try await withSpan("prepare") { span in
                span.addEvent("begun")
                return try await catalogue.length(of: "word")
            }
            return .text("\(length)")
        case "/error": return .text("\(try await catalogue.length(of: ""))")
        case "/context":
            let context = ServeContext.current
            return .text("\(context?.traceparent ?? "-") \(context?.tracestate ?? "-")")
        case "/exit": exit(1)
        default: return .text("hello")
        }
    }
}

// entry-tracing URL SAMPLING PROXIES PLACEMENT: serves the deployments above, and sends spans to a collector. SAMPLING is
// a share or `off`. It prints the port, answers each further line of its input by a call by handle, and ends with its
// input.
let arguments = CommandLine.arguments
var options = ServeOptions(port: 0, proxies: Int(arguments[3]) ?? 0)
if arguments[2] != "off" {
    var limits = TracingOptions.Limits()
    limits.exportInterval = .milliseconds(100)
    options.tracing = TracingOptions(
        endpoint: arguments[1],
        serviceName: "entry-tracing",
        sampling: Double(arguments[2]).map { .ratio($0) },
        headers: ["x-collector-key": "secret"],
        limits: limits
    )
}
let placement: DeploymentOptions.Placement = arguments[4] == "here" ? .inProcess : .process
try await Serve.start(options)
let catalogue = Catalogue.options(placement: placement).bind()
let ranker = Ranker.options(placement: placement).bind(catalogue: catalogue)
try await Serve.run(
    Front.options(placement: placement, directIngress: arguments[4] == "direct").bind(
        ranker: ranker,
        catalogue: catalogue
    ),
    name: "words",
    routePrefix: "/words"
)
let lengths = try await Serve.deploymentHandle("Catalogue", application: "words", as: Catalogue.self)
print("port \(await Serve.instance.port ?? 0)")
// Whoever reads this reads a pipe, and waits.
fflush(nil)
while let line = readLine() {
    print("length \(try await lengths.length(of: line))")
    fflush(nil)
}
await Serve.shutdown()
