import Distributed
import NIOCore
import NIOPosix
import SwerveActors
import SwerveCore
import TestSupport
import Testing

@testable import SwerveTransport

distributed actor Repeater: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Repeater { Repeater() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Repeater>] {
        [
            DeploymentMethod("echo(_:)") {
                (actor: isolated Repeater, arguments: inout InvocationDecoder, results: ResultHandler) in
                let text: String = try arguments.decodeNextArgument()
                try results.returned(actor.echo(text))
            }
        ]
    }

    init() {
        self.actorSystem = .ofNewActor
    }
    distributed func echo(_ text: String) -> String { text }
}

/// Results that stay in the process that made them until another process fetches them.
@Suite struct KeptResultTests {
    private func called(_ pair: Pair, _ text: String, mayKeep: Bool = true) async throws -> NamedResult {
        let echo = pair.handle(Repeater(), named: "kept \(pair.path)")
        return try await ServeSystem.detached.call(
            echo.id,
            method: "echo(_:)",
            arguments: Arguments(text),
            mayKeep: mayKeep
        )
    }

    private let large = String(repeating: "x", count: KeptResults.minimumBytes)

    @Test func aLargeResultStaysAndIsFetchedAndReleased() async throws {
        let pair = try await Pair()
        pair.callee.kept.listen(at: pair.path)
        do {
            guard case .kept(let result) = try await called(pair, large) else {
                Issue.record("it was not kept")
                return
            }
            #expect(result.byteCount == large.utf8.count + 4)
            #expect(pair.callee.kept.load == (1, result.byteCount))
            #expect(try await result.fetch().decode(as: String.self) == large)
            #expect(try await result.fetch().decode(as: String.self) == large)
        }
        // The release has been processed once this call returns.
        _ = try await called(pair, "small")
        #expect(pair.callee.kept.load == (0, 0))
        try await pair.close()
    }

    @Test func smallResultsAndThoseThatMayNotBeKeptAreSent() async throws {
        let pair = try await Pair()
        for (text, listens, mayKeep) in [("small", true, true), (large, true, false), (large, false, true)] {
            if listens { pair.callee.kept.listen(at: pair.path) }
            let other = listens ? pair : try await Pair()
            guard case .encoded(let value) = try await called(other, text, mayKeep: mayKeep) else {
                Issue.record("it was kept")
                continue
            }
            #expect(try value.decode(as: String.self) == text)
            if !listens { try await other.close() }
        }
        try await pair.close()
    }

    @Test func aReplicaFetchesAnArgumentThatAnotherProcessKeeps() async throws {
        let maker = try await Pair()
        maker.callee.kept.listen(at: maker.path)
        let taker = try await Pair()
        taker.callee.kept.configure(
            network: UnixSocketNetwork(),
            loop: MultiThreadedEventLoopGroup.singleton.any(),
            hello: Hello(replica: nil, processID: 1)
        )
        guard case .kept(let result) = try await called(maker, large) else {
            Issue.record("it was not kept")
            return
        }
        let echo = taker.handle(Repeater(), named: "taker")
        for _ in 0..<3 {
            let answer = try await ServeSystem.detached.call(
                echo.id,
                method: "echo(_:)",
                arguments: Arguments(kept: result)
            )
            guard case .encoded(let value) = answer else {
                Issue.record("it was kept")
                return
            }
            #expect(try value.decode(as: String.self) == large)
        }
        try await maker.close()
        // The connection to the maker is gone, and so are the results that were kept for it.
        await #expect(throws: ServeError.self) {
            _ = try await ServeSystem.detached.call(
                echo.id,
                method: "echo(_:)",
                arguments: Arguments(kept: result)
            )
        }
        try await taker.close()
    }

    @Test func resultsGoWithTheConnectionOfWhoHadThemKept() async throws {
        let pair = try await Pair()
        pair.callee.kept.listen(at: pair.path)
        guard case .kept(let result) = try await called(pair, large) else {
            Issue.record("it was not kept")
            return
        }
        try await pair.close()
        try await eventually("the results are dropped") { pair.callee.kept.load.results == 0 }
        await #expect(throws: ServeError.self) { _ = try await result.fetch() }
    }

    @Test func onlyWhoHadAResultKeptReleasesIt() throws {
        let (owner, other) = (try TestPeer(), try TestPeer())
        let kept = KeptResults()
        kept.listen(at: "/here")
        let region = ByteBuffer(repeating: 1, count: KeptResults.minimumBytes)
        let place = try #require(kept.keep(region, for: owner.connection))
        kept.release(place.number, by: other.connection)
        #expect(kept.region(place.number) == region)
        kept.release(place.number, by: owner.connection)
        #expect(kept.region(place.number) == nil)
    }

    @Test func noMoreIsKeptThanTheLimit() throws {
        let owner = try TestPeer()
        let kept = KeptResults()
        kept.listen(at: "/here")
        // One buffer many times, so that its memory is allocated once.
        let region = ByteBuffer(repeating: 1, count: 64 << 20)
        for _ in 0..<(KeptResults.maximumBytes / region.readableBytes) {
            #expect(kept.keep(region, for: owner.connection) != nil)
        }
        #expect(kept.keep(region, for: owner.connection) == nil)
        kept.releaseAll(of: owner.connection)
        #expect(kept.load == (0, 0))
    }
}

extension Arguments {
    fileprivate convenience init(_ value: some Codable & Sendable) {
        self.init()
        append(value)
    }
    fileprivate convenience init(kept result: KeptResult) {
        self.init()
        append(kept: result)
    }
}
