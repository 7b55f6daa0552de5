public import SwerveMacros

// Every form of deployment that the macros accept. Half of the test is that this file compiles.

struct Image: Codable, Sendable, Equatable {
    var pixels: [UInt8] = [1, 2, 3]
}

/// An initialiser that takes the actor system.
@Deployment(
    numReplicas: 2,
    maxOngoingRequests: 7,
    resources: Resources(cpus: 2, gpus: 0.3),
    rollout: .rolling(maxSurge: 1, maxUnavailable: .percent(50))
)
distributed actor WithSystem {
    private let factor: Int
    init(factor: Int, actorSystem: ActorSystem) {
        self.actorSystem = actorSystem
        self.factor = factor
    }
    distributed func scale(_ value: Int) -> Int { value * factor }
}

/// An initialiser without the actor system, that suspends and throws, with a default value.
@Deployment("loader", maxOngoingRequests: 3, startTimeout: .seconds(5))
distributed actor Loader {
    private let model: String

    /// Loads a model.
    ///
    /// - Parameter modelName: what to load.
    init(modelName: String, threshold: Double = 0.5) async throws {
        if modelName.isEmpty { throw ServeError(.invalidArgument, "no model") }
        await Task.yield()
        self.model = "\(modelName)@\(threshold)"
    }

    distributed func describe() -> String { model }
    distributed func reset() {}
    distributed func fail() throws { throw ServeError(.system, "failed") }
    distributed func over(_ value: Int) -> String { "int \(value)" }
    distributed func over(_ value: String) -> String { "string \(value)" }
    distributed func echo<Value: Codable & Sendable>(_ value: Value) -> Value { value }
    distributed var name: String { model }
}

extension Loader {
    distributed func inExtension(_ value: Int) -> Int { value + 1 }
}

/// No initialiser: the macro generates one for the properties without an initial value.
@Deployment
distributed actor Memberwise {
    let loader: Loader
    let count: Int
    private var `class`: String, `in`: [String: Int?]
    let note: String?
    let fixed = 3
    private var cache: [Int: String] = [:]
    private var last: String?
    private var observed: Int { didSet { last = "\(observed)" } }
    lazy var slow = 1
    var computed: Int { count }

    distributed func sum() async throws -> Int {
        observed += 1
        cache[0] = last
        return count + fixed + computed + `in`.count + `class`.count + slow + (note?.count ?? 0)
    }
    distributed func ask() async throws -> String { try await loader.describe() }
}

/// No initialiser and nothing to initialise.
@Deployment
distributed actor Empty {
    distributed func ping() -> String { "pong" }
}

/// Several initialisers; unlabelled, reserved and unnamed parameters; initialisers without a `bind`.
@Deployment
distributed actor Many {
    let text: String

    init(_ number: Int) { self.text = "number \(number)" }
    init(in class: String, for _: Int, `switch`: Bool = true) { self.text = "\(`class`) \(`switch`)" }
    init(optional: Int!, list: consuming [Int]) { self.text = "\(optional ?? 0) \(list)" }
    init(@Doubled doubled: Int) { self.text = "doubled \(doubled)" }
    init(same: Int) { self.text = "without system" }
    init(same: Int, actorSystem: ServeSystem) {
        self.actorSystem = actorSystem
        self.text = "with system"
    }
    init(delegating: Int) { self.init(delegating + 1) }
    init(own: Int) {
        self.actorSystem = .ofNewActor
        self.text = "own"
    }
    private init(hidden: @escaping () -> Void) { self.text = "" }
    @available(*, unavailable) init(gone: Int) { fatalError() }

    distributed func value() -> String { text }
    distributed func `default`(in: Int, _: Int) -> Int { `in` }
}

@propertyWrapper
struct Doubled: Sendable {
    var wrappedValue: Int
    init(wrappedValue: Int) { self.wrappedValue = wrappedValue * 2 }
}

@Deployment
distributed actor Wrapped {
    @Doubled private var amount = 2
    distributed func get() -> Int { amount }
}

/// Generic over a protocol of deployments.
protocol Classifier: Deployment, Codable {
    distributed func classify(_ image: Image) async throws -> Int
}

@Deployment
distributed actor Brightness: Classifier {
    distributed func classify(_ image: Image) -> Int { image.pixels.map(Int.init).reduce(0, +) }
}

@Deployment
distributed actor Outer<Inner: Classifier> {
    private let inner: Inner
    init(inner: Inner) { self.inner = inner }
    distributed func run(_ image: Image) async throws -> Int { try await inner.classify(image) + 1 }
}

@Deployment
distributed actor Store<Value: Codable & Sendable> {
    private let value: Value
    init(_ value: Value) { self.value = value }
    distributed func get() -> Value { value }
}

enum Models {
    struct Settings: Codable, Sendable { var depth = 1 }

    @Deployment(placement: .inProcess, routing: .roundRobin)
    distributed actor Nested {
        let settings: Settings
        init(settings: Settings = Settings(depth: 4)) { self.settings = settings }
        distributed func depth() -> Int { settings.depth }
    }

    @FunctionDeployment
    static func negate(_ value: Int) -> Int { -value }
}

/// User types with the same names as Swerve's.
enum Clash {
    struct DeploymentOptions {}
    struct ServeSystem {}
    struct DeploymentMethod {}

    @Deployment(numReplicas: 4)
    distributed actor Model {
        let value: Int
        init(value: Int) { self.value = value }
        distributed func get() -> Int { value }
    }
}

struct Internal: Codable, Sendable { var value: Int }

/// A public deployment with less visible initialisers.
@Deployment
public distributed actor Open {
    let value: Int
    public init(value: Int) { self.value = value }
    init(hidden: Internal) { self.value = hidden.value }
    package init(inPackage: Int) { self.value = inPackage }
    public distributed func get() -> Int { value }
}

@Deployment
public distributed actor OpenMemberwise {
    private let value: Internal
    public distributed func get() -> Int { value.value }
}

@Deployment
package distributed actor InPackage {
    package init(value: Int) {}
    package distributed func get() -> Int { 1 }
}

public enum Space {}

public extension Space {
    @Deployment
    distributed actor Implicit {
        public init() {}
        public distributed func get() -> Int { 1 }
    }
}

@available(macOS 15, iOS 18, *)
@Deployment
distributed actor Available {
    @available(macOS 16, *)
    distributed func get() -> Int { 1 }
}

#if SWERVE_NEVER_SET
    private let isSet = true
#endif

@Deployment
distributed actor Conditional {
    let value: Int
    #if SWERVE_NEVER_SET
        init(wrong: Int) { self.value = wrong }
    #else
        init(right: Int) { self.value = right }
    #endif
    distributed func get() -> Int { value }
}

/// The conformance and the actor system are written by hand.
@Deployment
distributed actor Explicit: Deployment {
    typealias ActorSystem = ServeSystem
    distributed func get() -> Int { 1 }
}

/// Sharpens.
@FunctionDeployment(numReplicas: 3)
func sharpen(_ image: Image, by factor: UInt8 = 8) -> Image {
    Image(pixels: image.pixels.map { $0 &* factor })
}

@FunctionDeployment
public func openFunction(scale openFunction: Int, `in` where: Int) async throws -> Int { openFunction * `where` }

@FunctionDeployment("named")
@discardableResult
func `repeat`() throws -> Int { throw ServeError(.system, "thrown") }

@FunctionDeployment
@MainActor func onMain(_ value: Int) { precondition(value > 0) }
