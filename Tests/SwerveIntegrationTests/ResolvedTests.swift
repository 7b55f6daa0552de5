import Swerve
import SwerveTesting
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Names something that changes, and becomes the change's number at the deploy.
struct Moving: ResolvedAtDeploy {
    struct Gone: Error {}

    /// What names mean now, in the process that deploys.
    static let meanings = Mutex<[String: Int]>([:])
    /// How often a name was resolved.
    static let questions = Mutex<[String: Int]>([:])

    var name: String
    var number: Int?

    func resolved() async throws -> Moving {
        Self.questions.withLock { $0[name, default: 0] += 1 }
        guard let number = Self.meanings.withLock({ $0[name] }) else { throw Gone() }
        return Moving(name: name, number: number)
    }
}

@Deployment
distributed actor Follower {
    private let values: [Moving]
    private let next: Follower?

    init(values: [Moving], next: Follower? = nil) {
        self.values = values
        self.next = next
    }

    distributed func numbers() -> [Int?] { values.map(\.number) }
    distributed func numbersOfNext() async throws -> [Int?] { try await next?.numbers() ?? [] }
    distributed func processID() -> Int32 { getpid() }
}

extension IntegrationTests {
    /// Values in the arguments that are resolved once per deploy.
    @Suite struct Resolved {
        private func set(_ name: String, _ number: Int?) { Moving.meanings.withLock { $0[name] = number } }

        @Test(arguments: placements)
        func `all deployments of an application get what a value means at the deploy, which is asked for once`(
            placement: DeploymentOptions.Placement
        ) async throws {
            let name = "once-\(placement)"
            set(name, 1)
            set(name + "2", 5)
            let value = Moving(name: name)
            let next = Follower.options(placement: placement).bind(values: [value, Moving(name: name + "2")])
            let application = Follower.options(placement: placement).bind(values: [value], next: next)
            try await withApplication(application) { follower, _ in
                set(name, 2)
                #expect(try await follower.numbers() == [1])
                #expect(try await follower.numbersOfNext() == [1, 5])
                #expect(Moving.questions.withLock { $0[name] } == 1)
            }
        }

        @Test func `a replica in the place of a lost one gets the same, the next deploy something new`() async throws {
            set("healed", 1)
            let application = Follower.bind(values: [Moving(name: "healed")])
            try await withApplication(application) { follower, name in
                set("healed", 2)
                let first = try await follower.processID()
                kill(first, SIGKILL)
                try await eventually("another replica answers") {
                    guard let process = try? await follower.processID() else { return false }
                    return process != first
                }
                #expect(try await follower.numbers() == [1])

                try await instance.run(application, name: name, routePrefix: nil)
                #expect(try await follower.numbers() == [2])
                let second = try await follower.processID()
                // Nothing changed, so the replica stays.
                try await instance.run(application, name: name, routePrefix: nil)
                #expect(try await follower.processID() == second)
            }
        }

        @Test func `a deploy fails with what resolving a value throws, and the application goes on`() async throws {
            set("gone", 1)
            let application = Follower.options(placement: .inProcess).bind(values: [Moving(name: "gone")])
            try await withApplication(application) { follower, name in
                set("gone", nil)
                await #expect(throws: Moving.Gone.self) {
                    try await instance.run(application, name: name, routePrefix: nil)
                }
                #expect(try await follower.numbers() == [1])
            }
        }
    }
}
