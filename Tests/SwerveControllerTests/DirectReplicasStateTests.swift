import SwerveController
import SwerveCore
import Testing

@Suite struct DirectReplicasStateTests {
    private static let deployment = DeploymentID(application: "app", deployment: "A")
    private static func id(_ number: UInt64, of deployment: DeploymentID = deployment) -> ReplicaID {
        ReplicaID(deployment: deployment, number: number)
    }

    private func publish(_ state: inout DirectReplicasState, _ numbers: UInt64...) -> [DirectReplicasState.Action] {
        state.published(Self.deployment, Set(numbers.map { Self.id($0) }))
    }

    /// Two replicas, of which the first takes connections.
    private func serving() -> DirectReplicasState {
        var state = DirectReplicasState()
        state.connected(Self.id(1))
        state.connected(Self.id(2))
        _ = publish(&state, 1)
        _ = state.isShared()
        _ = state.takes(Self.id(1), true)
        return state
    }

    @Test
    func `a published replica takes connections once the front shares its socket, and the front leaves them to it`() {
        var state = DirectReplicasState()
        state.connected(Self.id(1))
        #expect(publish(&state, 1) == [.share])
        #expect(publish(&state, 1) == [])
        #expect(state.isShared() == [.tell(Self.id(1), takes: true)])
        #expect(state.taking == [])
        #expect(state.takes(Self.id(1), true) == [.front(takes: false)])
        #expect(state.taking == [Self.id(1)])
    }

    @Test func `a second replica changes nothing for the front`() {
        var state = serving()
        #expect(publish(&state, 1, 2) == [.tell(Self.id(2), takes: true)])
        #expect(state.takes(Self.id(2), true) == [])
        #expect(publish(&state, 2) == [.tell(Self.id(1), takes: false)])
        #expect(state.taking == [Self.id(2)])
    }

    @Test func `when the last replica is no longer published, the front takes connections again`() {
        var state = serving()
        #expect(publish(&state) == [.tell(Self.id(1), takes: false), .front(takes: true)])
        // It confirms what it was told before.
        #expect(state.takes(Self.id(1), true) == [])
        #expect(state.takes(Self.id(1), false) == [])
        #expect(publish(&state, 1) == [.tell(Self.id(1), takes: true)])
        #expect(state.takes(Self.id(1), true) == [.front(takes: false)])
    }

    @Test func `when the process of the last replica ends, the front takes connections again`() {
        var state = serving()
        #expect(state.gone(Self.id(2)) == [])
        #expect(state.gone(Self.id(1)) == [.front(takes: true)])
        #expect(state.gone(Self.id(1)) == [])
        #expect(state.connected == [])
    }

    @Test func `a replica that ends before the socket is shared is not told anything`() {
        var state = DirectReplicasState()
        state.connected(Self.id(1))
        #expect(publish(&state, 1) == [.share])
        #expect(state.gone(Self.id(1)) == [])
        #expect(state.isShared() == [])
        state.connected(Self.id(2))
        #expect(publish(&state, 2) == [.tell(Self.id(2), takes: true)])
    }

    @Test func `what is published of other deployments does not matter`() {
        var state = serving()
        let other = DeploymentID(application: "app", deployment: "B")
        #expect(state.published(other, [Self.id(1, of: other)]) == [])
        #expect(state.published(other, []) == [])
        #expect(state.taking == [Self.id(1)])
    }

    @Test func `at the end the front takes what waits, and no replica begins`() {
        var state = serving()
        #expect(state.end() == [.front(takes: true)])
        #expect(publish(&state, 1, 2) == [])
        #expect(state.takes(Self.id(1), true) == [])
        #expect(state.gone(Self.id(1)) == [])
    }
}
