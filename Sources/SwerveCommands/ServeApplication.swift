public import SwerveActors
public import SwerveCore

/// An application that a program declares, so that the program can be run, planned and checked from the command line, and
/// deployed into another instance by its name.
///
/// ```swift
/// @main struct Segmentation: ServeApplication {
///     var model = "nvidia/segformer-b0-finetuned-ade-512-512"
///     var replicas = 2
///
///     func application() -> some Deployment {
///         Front.bind(segmenter: SegFormer.options(numReplicas: replicas).bind(model: model))
///     }
/// }
/// ```
/// The properties are the application's arguments: `segmentation run replicas=3` sets one. Each has a default. Types that
/// JSON can write are possible, such as texts, numbers, lists and structures of them.
///
/// A type with other stored properties than arguments, or a computed one that looks like an argument, can say so with
/// `CodingKeys`.
public protocol ServeApplication: Codable, Sendable {
    associatedtype Root: Deployment

    /// What names the application among those of its program, and in an instance unless a deploy says otherwise; the
    /// type's name by default.
    static var name: String { get }
    /// The path below which it answers HTTP unless a deploy says otherwise; `/` by default, `nil` for none.
    static var routePrefix: String? { get }
    /// Which pages of other origins may call it; none by default.
    static var cors: CORS? { get }
    /// What its replicas' processes run in; nothing of its own by default.
    static var runtimeEnvironment: RuntimeEnvironment? { get }

    /// The application with the defaults of its arguments.
    init()

    /// The application's ingress, bound to the deployments that it uses. It is called in a process of its own when another
    /// instance deploys the application, and must only bind: what it opens or starts ends with that process.
    func application() async throws -> Root
}

extension ServeApplication {
    public static var name: String { "\(Self.self)" }
    public static var routePrefix: String? { "/" }
    public static var cors: CORS? { nil }
    public static var runtimeEnvironment: RuntimeEnvironment? { nil }
}

/// A program with several applications.
///
/// ```swift
/// @main struct Services: ServeProgram {
///     static let applications: [any ServeApplication.Type] = [Translation.self, Segmentation.self]
/// }
/// ```
public protocol ServeProgram {
    /// All applications of the program, with different names.
    static var applications: [any ServeApplication.Type] { get }
}
