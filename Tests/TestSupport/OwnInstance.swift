package import Swerve
internal import SwerveTesting
package import Testing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Gives each test its own ``instance``.
package struct OwnInstance: SuiteTrait, TestTrait, TestScoping {
    @TaskLocal static var current: ServeInstance?

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing body: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // A suite needs no instance: each of its tests gets one.
        guard testCase != nil else { return try await body() }
        // The runtime reads this when a replica's process starts: an intended trap needs no backtrace.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        try await withTestInstance { instance in
            try await Self.$current.withValue(instance) { try await body() }
        }
    }
}

extension Trait where Self == OwnInstance {
    package static var ownInstance: OwnInstance { OwnInstance() }
}

/// The current test's instance.
package var instance: ServeInstance {
    guard let current = OwnInstance.current else { preconditionFailure("the test lacks the trait .ownInstance") }
    return current
}
