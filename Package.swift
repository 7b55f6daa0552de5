// swift-tools-version: 6.2
import CompilerPluginSupport
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")

func syntax(_ products: String...) -> [Target.Dependency] {
    products.map { .product(name: $0, package: "swift-syntax") }
}

let package = Package(
    name: "swerve",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "Swerve", targets: ["Swerve"]),
        .library(name: "SwerveTesting", targets: ["SwerveTesting"]),
        .library(name: "SwerveHummingbird", targets: ["SwerveHummingbird"]),
        .library(name: "SwerveTensor", targets: ["SwerveTensor"]),
        .library(name: "SwerveVision", targets: ["SwerveVision"]),
        .library(name: "SwerveVisionHTTP", targets: ["SwerveVisionHTTP"]),
        .library(name: "SwerveONNX", targets: ["SwerveONNX"]),
        .library(name: "SwerveHub", targets: ["SwerveHub"]),
        .library(name: "SwerveModels", targets: ["SwerveModels"]),
        .executable(name: "swerve", targets: ["swerve-command"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        // A range, so that packages with other macros can depend on this one: all packages of a build share one version.
        .package(url: "https://github.com/swiftlang/swift-syntax", "602.0.0"..<"604.0.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Pure: values and state machines, without I/O, clocks or concurrency.
        .target(name: "SwerveCore", swiftSettings: settings),
        .target(name: "SwerveControl", dependencies: ["SwerveCore", heap], swiftSettings: settings),
        .target(name: "SwerveRouting", dependencies: ["SwerveCore", deque, heap], swiftSettings: settings),
        // What processes count, without lock on the path of requests; its text and its history.
        .target(name: "SwerveMetrics", dependencies: ["SwerveCore"], swiftSettings: settings),
        // Pure too, but apart, because the YAML library brings Foundation.
        .target(
            name: "SwerveConfig",
            dependencies: ["SwerveCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings
        ),
        // The operating system: all that calls it, and what Swift has no spelling for.
        .target(name: "CSwerveSystem"),
        .target(name: "SwerveSystem", dependencies: ["CSwerveSystem"], swiftSettings: settings),
        // Shells.
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(
            name: "SwerveHTTPTypes",
            dependencies: ["CZlib", "SwerveCore", deque, nioCore],
            swiftSettings: settings
        ),
        // Spans and their export.
        .target(
            name: "SwerveTracing",
            dependencies: [
                "SwerveCore", "SwerveSystem", nioCore, nioPosix, .product(name: "NIOHTTP1", package: "swift-nio"),
                logging,
                tracing,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveActors",
            dependencies: [
                "SwerveCore", "SwerveMetrics", "SwerveRouting", "SwerveHTTPTypes", "SwerveTracing", nioCore, nioPosix,
                tracing,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveReplica",
            dependencies: [
                "SwerveActors", "SwerveCore", "SwerveHTTPTypes", "SwerveMetrics", "SwerveRouting", "SwerveSystem",
                "SwerveTracing", nioCore, tracing,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveTransport",
            dependencies: [
                "SwerveActors", "SwerveCore", "SwerveHTTPTypes", "SwerveMetrics", "SwerveReplica", "SwerveSystem",
                nioCore, nioPosix,
                logging,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveHTTP",
            dependencies: ["SwerveCore", "SwerveHTTPTypes", "SwerveSystem", nioCore, nioPosix],
            swiftSettings: settings
        ),
        // What processes write: lines in memory and in files, and the handler for swift-log.
        .target(
            name: "SwerveLogs",
            dependencies: ["SwerveCore", "SwerveSystem", deque, logging],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveLaunch",
            dependencies: [
                "SwerveCore", "SwerveLogs", "SwerveSystem", .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: settings
        ),
        // Working directories: folders and ZIP files, and copies of them.
        .target(
            name: "SwerveEnvironments",
            dependencies: ["CZlib", "SwerveCore", "SwerveSystem", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveProxy",
            dependencies: [
                "SwerveActors", "SwerveCore", "SwerveHTTP", "SwerveHTTPTypes", "SwerveMetrics", "SwerveRouting",
                "SwerveTracing", nioCore, tracing,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveController",
            dependencies: [
                "SwerveActors", "SwerveControl", "SwerveCore", "SwerveLaunch", "SwerveLogs", "SwerveMetrics",
                "SwerveReplica", "SwerveSystem", "SwerveTracing", "SwerveTransport", nioCore, logging,
            ],
            swiftSettings: settings
        ),
        // Apart, because SQLite's library brings Foundation.
        .target(
            name: "SwerveCheckpoint",
            dependencies: [
                "SwerveControl", "SwerveController", "SwerveCore", "SwerveSystem",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        // The REST API and the dashboard, whose files the C target embeds.
        .target(name: "CSwerveDashboard"),
        .target(
            name: "SwerveAdmin",
            dependencies: [
                "CSwerveDashboard", "SwerveConfig", "SwerveCore", "SwerveHTTP", "SwerveHTTPTypes", "SwerveLogs",
                "SwerveSystem", nioCore, logging,
            ],
            exclude: ["Dashboard"],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveRuntime",
            dependencies: [
                "SwerveActors", "SwerveAdmin", "SwerveCheckpoint", "SwerveConfig", "SwerveControl", "SwerveController",
                "SwerveCore", "SwerveEnvironments", "SwerveHTTP", "SwerveHTTPTypes", "SwerveLaunch", "SwerveLogs",
                "SwerveMetrics", "SwerveProxy", "SwerveReplica", "SwerveSystem", "SwerveTracing", "SwerveTransport",
                nioCore, nioPosix, logging, .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        // Graphs of calls, as data and as a deployment.
        .target(
            name: "SwerveGraph",
            dependencies: ["SwerveActors", "SwerveCore", "SwerveHTTPTypes", nioCore],
            swiftSettings: settings
        ),
        // Macros.
        .macro(
            name: "SwerveMacrosPlugin",
            dependencies: syntax(
                "SwiftCompilerPlugin",
                "SwiftDiagnostics",
                "SwiftIfConfig",
                "SwiftParser",
                "SwiftSyntax",
                "SwiftSyntaxBuilder",
                "SwiftSyntaxMacros"
            ),
            swiftSettings: settings
        ),
        .target(
            name: "SwerveMacros",
            dependencies: ["SwerveMacrosPlugin", "SwerveActors", "SwerveCore", "SwerveGraph"],
            swiftSettings: settings
        ),
        // The command line of programs that declare applications.
        .target(
            name: "SwerveCommands",
            dependencies: [
                "SwerveActors", "SwerveConfig", "SwerveCore", "SwerveHTTPTypes", "SwerveLogs", "SwerveRuntime",
                "SwerveSystem", "SwerveTracing", "SwerveTransport", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        // What an application imports.
        .target(
            name: "Swerve",
            dependencies: [
                "SwerveActors", "SwerveAdmin", "SwerveCommands", "SwerveCore", "SwerveGraph", "SwerveHTTPTypes",
                "SwerveLogs", "SwerveMacros", "SwerveRuntime", "SwerveTracing",
            ],
            swiftSettings: settings
        ),
        // For the tests of applications.
        .target(
            name: "SwerveTesting",
            dependencies: [
                "Swerve", "SwerveActors", "SwerveControl", "SwerveController", "SwerveCore", "SwerveRuntime",
                "SwerveTransport", nioCore, nioPosix, nioEmbedded, logging,
            ],
            swiftSettings: settings
        ),
        // Models: tensors, pictures, ONNX Runtime and OpenVINO. The libraries are loaded at run time.
        .target(name: "SwerveTensor", dependencies: [nioCore], swiftSettings: settings),
        .target(name: "CImageCodecs", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(
            name: "SwerveVision",
            dependencies: ["CImageCodecs", "SwerveSystem", "SwerveTensor", nioCore],
            swiftSettings: settings
        ),
        .target(name: "COpenVINO", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "CONNXRuntime", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(
            name: "SwerveONNX",
            dependencies: [
                "CONNXRuntime", "COpenVINO", "SwerveActors", "SwerveCore", "SwerveSystem", "SwerveTensor", nioCore,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SwerveVisionHTTP",
            dependencies: ["SwerveHTTPTypes", "SwerveSystem", "SwerveTensor", "SwerveVision", nioCore],
            swiftSettings: settings
        ),
        // Models by name from a hub: apart, because the HTTP client brings TLS and Foundation.
        .target(
            name: "SwerveHub",
            dependencies: [
                "SwerveSystem", nioCore, nioPosix, logging,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        // Deployments that are ready to bind.
        .target(
            name: "SwerveModels",
            dependencies: [
                "Swerve", "SwerveHub", "SwerveONNX", "SwerveSystem", "SwerveTensor", "SwerveVision", "SwerveVisionHTTP",
                nioCore, logging,
            ],
            swiftSettings: settings
        ),
        // Hummingbird routers as ingress: apart, because it brings Foundation into the process.
        .target(
            name: "SwerveHummingbird",
            dependencies: [
                "SwerveHTTPTypes", nioCore, logging, .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        // Programs.
        .target(
            name: "SwerveTool",
            dependencies: [
                "Swerve", "SwerveConfig", "SwerveCore", "SwerveLogs", "SwerveRuntime", "SwerveSystem", nioCore,
                nioPosix,
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            exclude: ["Main"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "swerve-command",
            dependencies: ["SwerveTool"],
            path: "Sources/SwerveTool/Main",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "segmentation",
            dependencies: [
                "Swerve", "SwerveModels", "SwerveTensor", "SwerveVision", "SwerveVisionHTTP", nioCore,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Examples/Segmentation/Sources/segmentation",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-app",
            dependencies: ["Swerve", nioCore],
            path: "Benchmarks/Sources/bench-app",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-graph",
            dependencies: ["Swerve", nioCore],
            path: "Benchmarks/Sources/bench-graph",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-handles",
            dependencies: ["Swerve", nioCore, nioPosix],
            path: "Benchmarks/Sources/bench-handles",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-control",
            dependencies: ["SwerveControl", "SwerveCore"],
            path: "Benchmarks/Sources/bench-control",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-scaling",
            dependencies: ["Swerve"],
            path: "Benchmarks/Sources/bench-scaling",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-http",
            dependencies: [
                "SwerveCore", "SwerveHTTP", "SwerveHTTPTypes", nioCore,
                nioEmbedded,
            ],
            path: "Benchmarks/Sources/bench-http",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-vision",
            dependencies: ["Swerve", "SwerveModels", "SwerveTensor", "SwerveVision"],
            path: "Benchmarks/Sources/bench-vision",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-hummingbird",
            dependencies: [.product(name: "Hummingbird", package: "hummingbird"), logging],
            path: "Benchmarks/Sources/bench-hummingbird",
            swiftSettings: settings
        ),
        // What is served during `make soak`.
        .executableTarget(
            name: "soak-app",
            dependencies: ["Swerve", "SwerveSystem", nioCore],
            path: "Benchmarks/Sources/soak-app",
            swiftSettings: settings
        ),
        // What is served during `make chaos`.
        .executableTarget(
            name: "chaos-app",
            dependencies: ["Swerve"],
            path: "Benchmarks/Sources/chaos-app",
            swiftSettings: settings
        ),
        // What is scraped during `make test-operations`.
        .executableTarget(
            name: "metrics-app",
            dependencies: ["Swerve", .product(name: "CoreMetrics", package: "swift-metrics")],
            path: "Tests/Operations/metrics-app",
            swiftSettings: settings
        ),
        // Damaged input for the parsers of what clients send: `make fuzz`.
        .target(name: "CFuzzWatch", path: "Tests/CFuzzWatch"),
        .executableTarget(
            name: "fuzz-decoders",
            dependencies: [
                "CFuzzWatch", "SwerveActors", "SwerveCore", "SwerveEnvironments", "SwerveHTTP", "SwerveHTTPTypes",
                "SwerveReplica", "SwerveTensor", "SwerveTransport", "SwerveVision", nioCore, nioEmbedded,
            ],
            path: "Tests/fuzz-decoders",
            swiftSettings: settings
        ),
        // The decoder of pictures for scripts: `dev/compare-damage.py`.
        .executableTarget(
            name: "decode-pictures",
            dependencies: ["SwerveVision"],
            path: "Tests/decode-pictures",
            swiftSettings: settings
        ),
        // Random graphs beside their definition: in the tests, and many more by `make simulate-graph`.
        .target(
            name: "GraphSimulation",
            dependencies: ["SwerveCore", "SwerveGraph"],
            path: "Tests/GraphSimulation",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "simulate-graph",
            dependencies: ["GraphSimulation"],
            path: "Tests/simulate-graph",
            swiftSettings: settings
        ),
        // The middle of the system in one thread, over simulated sockets: in the tests, and longer by `make simulate`.
        .target(
            name: "MiddleSimulation",
            dependencies: [
                "SwerveActors", "SwerveControl", "SwerveController", "SwerveCore", "SwerveHTTP", "SwerveHTTPTypes",
                "SwerveLaunch", "SwerveProxy", "SwerveReplica", "SwerveRuntime", "SwerveSystem", "SwerveTransport",
                nioCore,
                logging,
            ],
            path: "Tests/MiddleSimulation",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "simulate-middle",
            dependencies: ["MiddleSimulation"],
            path: "Tests/simulate-middle",
            swiftSettings: settings
        ),
        // Programs whose entries are of different kinds.
        .target(
            name: "Greeting",
            dependencies: ["Swerve"],
            path: "Tests/EntryPoints/Greeting",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-top-level",
            dependencies: ["Greeting"],
            path: "Tests/EntryPoints/entry-top-level",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-durable",
            dependencies: ["Swerve"],
            path: "Tests/EntryPoints/entry-durable",
            swiftSettings: settings
        ),
        .target(
            name: "Shouts",
            dependencies: ["Swerve", logging, .product(name: "CoreMetrics", package: "swift-metrics")],
            path: "Tests/EntryPoints/Shouts",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-application",
            dependencies: ["Shouts", "Swerve"],
            path: "Tests/EntryPoints/entry-application",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-client",
            dependencies: ["Shouts", "Swerve"],
            path: "Tests/EntryPoints/entry-client",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-admin",
            dependencies: ["Swerve"],
            path: "Tests/EntryPoints/entry-admin",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-dashboard",
            dependencies: ["Swerve"],
            path: "Tests/EntryPoints/entry-dashboard",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-tracing",
            dependencies: ["Swerve", tracing],
            path: "Tests/EntryPoints/entry-tracing",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-draining",
            dependencies: ["Swerve"],
            path: "Tests/EntryPoints/entry-draining",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-attribute",
            dependencies: ["Greeting"],
            path: "Tests/EntryPoints/entry-attribute",
            swiftSettings: settings
        ),
        // Twins of the modules of Ray's example files: `make run-operations`.
        .executableTarget(
            name: "entry-ray",
            dependencies: ["Swerve"],
            path: "Tests/EntryPoints/entry-ray",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "entry-arguments",
            dependencies: ["Greeting", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/EntryPoints/entry-arguments",
            swiftSettings: settings
        ),
        // What the tests of several targets share.
        .target(
            name: "TestSupport",
            dependencies: [
                "Swerve", "SwerveMetrics", "SwerveONNX", "SwerveTensor", "SwerveTesting", "SwerveVision", nioCore,
            ],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        // Tests, one target per target.
        .testTarget(
            name: "SwerveTestingTests",
            dependencies: ["Swerve", "SwerveActors", "SwerveTesting", nioCore],
            swiftSettings: settings
        ),
        .testTarget(name: "SwerveTidyTests", swiftSettings: settings),
        .testTarget(name: "SwerveSystemTests", dependencies: ["SwerveSystem"], swiftSettings: settings),
        .testTarget(
            name: "SwerveMetricsTests",
            dependencies: ["SwerveCore", "SwerveMetrics", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(name: "SwerveCoreTests", dependencies: ["SwerveCore"], swiftSettings: settings),
        .testTarget(
            name: "SwerveHummingbirdTests",
            dependencies: [
                "Swerve", "SwerveHTTPTypes", "SwerveHummingbird", nioCore,
                .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveHTTPTypesTests",
            dependencies: ["SwerveHTTPTypes", "SwerveCore", "TestSupport", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveHTTPTests",
            dependencies: [
                "SwerveHTTP", "SwerveHTTPTypes", "SwerveCore", "TestSupport", nioCore, nioPosix,
                nioEmbedded, .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveTracingTests",
            dependencies: [
                "SwerveCore", "SwerveTracing", "TestSupport", nioCore, nioPosix, nioEmbedded, logging, tracing,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveRoutingTests",
            dependencies: ["SwerveCore", "SwerveRouting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveActorsTests",
            dependencies: [
                "SwerveActors", "SwerveCore", "SwerveHTTPTypes", "SwerveMetrics", "SwerveTracing", "TestSupport",
                nioCore,
                nioPosix,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveGraphTests",
            dependencies: ["GraphSimulation", "Swerve", "SwerveActors", "SwerveGraph", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveTransportTests",
            dependencies: [
                "SwerveActors", "SwerveCore", "SwerveHTTPTypes", "SwerveReplica", "SwerveTransport", "TestSupport",
                nioCore, nioPosix, nioEmbedded, logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveIntegrationTests",
            dependencies: [
                "Shouts", "Swerve", "SwerveActors", "SwerveConfig", "SwerveCore", "SwerveHTTPTypes",
                "SwerveHummingbird",
                "SwerveLogs", "SwerveMetrics", "SwerveRuntime",
                "SwerveTensor", "SwerveTesting", "TestSupport", nioCore, tracing,
                nioPosix, .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                "entry-application", "entry-attribute", "entry-arguments", "entry-client", "entry-draining",
                "entry-durable", "entry-top-level",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveTensorTests",
            dependencies: ["SwerveTensor", "TestSupport", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveVisionTests",
            dependencies: [
                "SwerveTensor", "SwerveVision", "TestSupport", nioCore,
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveVisionHTTPTests",
            dependencies: ["SwerveHTTPTypes", "SwerveVision", "SwerveVisionHTTP", "TestSupport", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveONNXTests",
            dependencies: [
                "SwerveActors", "SwerveCore", "SwerveONNX", "SwerveSystem", "SwerveTensor", "TestSupport", nioCore,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveHubTests",
            dependencies: [
                "SwerveHub", "SwerveModels", "SwerveONNX", nioCore, nioPosix,
                .product(name: "Hummingbird", package: "hummingbird"), logging,
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveModelsTests",
            dependencies: [
                "Swerve", "SwerveHub", "SwerveModels", "SwerveONNX", "SwerveTensor", "SwerveTesting", "SwerveVision",
                "SwerveVisionHTTP", "TestSupport", nioCore, logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveConfigTests",
            dependencies: ["SwerveConfig", "SwerveCore"],
            exclude: ["ray-details.json"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveControlTests",
            dependencies: ["SwerveControl", "SwerveCore"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveLogsTests",
            dependencies: ["SwerveCore", "SwerveLogs", "SwerveSystem", "TestSupport", deque, logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveLaunchTests",
            dependencies: ["SwerveCore", "SwerveLaunch", "SwerveLogs", "SwerveSystem"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveEnvironmentsTests",
            dependencies: ["CZlib", "SwerveCore", "SwerveEnvironments"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveReplicaTests",
            dependencies: ["SwerveActors", "SwerveCore", "SwerveHTTPTypes", "SwerveReplica", "TestSupport", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveProxyTests",
            dependencies: ["SwerveActors", "SwerveCore", "SwerveHTTPTypes", "SwerveMetrics", "SwerveProxy", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveControllerTests",
            dependencies: [
                "SwerveActors", "SwerveControl", "SwerveController", "SwerveCore", "SwerveLaunch", "SwerveReplica",
                "SwerveTracing", "SwerveTransport", "TestSupport",
                nioCore, nioEmbedded, logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveAdminTests",
            dependencies: [
                "SwerveAdmin", "SwerveConfig", "SwerveCore", "SwerveHTTP", "SwerveHTTPTypes", "SwerveLogs",
                "SwerveSystem", "TestSupport", nioCore,
                nioPosix, logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveToolTests",
            dependencies: [
                "SwerveAdmin", "SwerveConfig", "SwerveCore", "SwerveLogs", "SwerveRuntime", "SwerveTool",
                "SwerveTracing", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveCommandsTests",
            dependencies: [
                "SwerveCommands", "SwerveConfig", "SwerveCore", "SwerveHTTPTypes", "SwerveLogs", "SwerveRuntime",
                "SwerveTracing", "Shouts", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveCheckpointTests",
            dependencies: [
                "SwerveCheckpoint", "SwerveControl", "SwerveController", "SwerveCore", "SwerveSystem",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveRuntimeTests",
            dependencies: [
                "MiddleSimulation", "SwerveAdmin", "SwerveCheckpoint", "SwerveConfig", "SwerveCore", "SwerveLogs",
                "SwerveRuntime", "SwerveTracing", logging, nioCore,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveMacrosTests",
            dependencies: ["SwerveMacros", "SwerveMacrosPlugin"]
                + syntax(
                    "SwiftDiagnostics",
                    "SwiftParser",
                    "SwiftSyntax",
                    "SwiftSyntaxBuilder",
                    "SwiftSyntaxMacros",
                    "SwiftSyntaxMacroExpansion",
                    "SwiftSyntaxMacrosGenericTestSupport"
                ),
            exclude: ["Rejected"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SwerveMacrosUsageTests",
            dependencies: ["SwerveActors", "SwerveCore", "SwerveMacros", "TestSupport"],
            swiftSettings: settings
        ),
    ]
)
