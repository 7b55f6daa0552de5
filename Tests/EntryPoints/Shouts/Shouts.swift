internal import CoreMetrics
internal import Logging
public import Swerve

/// Answers with a text, as often as wanted.
public struct Shouting: ServeApplication {
    public static let name = "shouting"
    public static let routePrefix: String? = "/shout"

    var text = "hello"
    var times = 1
    var loud = true
    var words: [String] = []

    public init() {}

    public func application() throws -> Shouter {
        if times < 1 { throw Impossible(times: times) }
        return Shouter.bind(text: ([text] + words).joined(separator: " "), times: times, voice: Voice.bind(loud: loud))
    }
}

struct Impossible: Error {
    var times: Int
}

@Deployment
public distributed actor Voice {
    private let loud: Bool

    init(loud: Bool) {
        self.loud = loud
    }

    public distributed func say(_ text: String) -> String {
        Logger(label: "voice").debug("said")
        return loud ? text.uppercased() + "!" : text
    }
}

@Deployment(numReplicas: 2)
public distributed actor Shouter: HTTPIngress, Reconfigurable {
    public struct UserConfig: Codable, Sendable {
        var suffix: String
    }
    private let text: String
    private let voice: Voice
    private var suffix = ""
    private let shouts = CoreMetrics.Counter(label: "shouts")

    init(text: String, times: Int, voice: Voice) {
        self.text = Array(repeating: text, count: times).joined(separator: " ")
        self.voice = voice
    }

    public func reconfigure(_ config: UserConfig) { suffix = config.suffix }

    public func respond(to request: ServeRequest) async throws -> ServeResponse {
        shouts.increment()
        return .text(try await voice.say(text) + suffix)
    }
}

/// Wants to run in the instance's own process, which only that of this program could do.
public struct Homely: ServeApplication {
    public init() {}
    public func application() -> Counter { Counter.options(placement: .inProcess).bind() }
}

/// Is called by handles only.
public struct Counting: ServeApplication {
    public static let routePrefix: String? = nil
    public init() {}
    public func application() -> Counter { Counter.bind() }
}

/// Says how often it was asked.
@Deployment
public distributed actor Counter {
    private var count = 0

    public init() {}

    public distributed func next() -> Int {
        count += 1
        return count
    }
}
