import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import Testing

/// What has no encoded form: a typed error that says so, before anything is sent.
@Suite struct UnencodableTests {
    private func expectUnencodable(_ value: some Encodable, sourceLocation: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: ServeError.self, sourceLocation: sourceLocation) { try encode(value) }
        #expect(error?.code == .unencodable, sourceLocation: sourceLocation)
    }

    private enum Keys: String, CodingKey { case a, b, c }

    @Test func aChildContainerWrittenAfterItsParentWentOn() {
        struct Interleaved: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                var child = container.nestedUnkeyedContainer(forKey: .a)
                try child.encode(1)
                try container.encode(2, forKey: .b)
                try child.encode(3)
            }
        }
        expectUnencodable(Interleaved())
    }

    @Test func twoChildrenWrittenInTurns() {
        struct Turns: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                var first = container.nestedContainer(keyedBy: Keys.self)
                var second = container.nestedContainer(keyedBy: Keys.self)
                try second.encode(1, forKey: .a)
                try first.encode(2, forKey: .b)
            }
        }
        expectUnencodable(Turns())
    }

    @Test func aGrandchildOpenedInAChildThatWasLeft() {
        struct Late: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                var first = container.nestedUnkeyedContainer()
                try container.encode(1)
                var grandchild = first.nestedUnkeyedContainer()
                try grandchild.encode(2)
            }
        }
        expectUnencodable(Late())
        struct LateKeyed: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                var first = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
                try container.encode(1, forKey: .b)
                _ = first.nestedUnkeyedContainer(forKey: .c)
            }
        }
        expectUnencodable(LateKeyed())
    }

    @Test func aSuperEncoderUsedAfterItsParentWentOn() {
        struct Late: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                let late = container.superEncoder()
                try container.encode(1, forKey: .a)
                var single = late.singleValueContainer()
                try single.encode("x")
            }
        }
        expectUnencodable(Late())
    }

    @Test func aValueWithoutEnd() {
        final class Endless: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode(self)
            }
        }
        expectUnencodable(Endless())
    }

    @Test func theUsersOwnErrorComesThrough() {
        struct Mine: Error, Equatable {}
        struct Throwing: Encodable {
            func encode(to encoder: any Encoder) throws { throw Mine() }
        }
        #expect(throws: Mine()) { try encode([Throwing()]) }
    }

    @Test func anActorThatNoDeploymentRuns() {
        expectUnencodable(ServeID(.local(LocalIdentity(replica: nil, instance: InstanceID(rawValue: 1)))))
    }

    @Test func `a reference travels as the names of its deployment and its instance`() throws {
        let id = DeploymentID(application: "codec", deployment: "D")
        let pool = ServeSystem.detached.pools.pool(id)
        let reference = ServeID(.pool(pool))
        #expect(try decode(String.self, encode(reference)) == "codec/D@0")
        #expect(try roundTrip(reference) == reference)
        let replica = ReplicaID(deployment: id, number: 1)
        #expect(
            try decode(ServeID.self, encode(ServeID(.local(LocalIdentity(replica: replica, instance: pool.instance)))))
                == reference
        )
    }

    @Test func `a reference of another instance is refused`() throws {
        let error = #expect(throws: ServeError.self) { try decode(ServeID.self, encode("codec/D@1f")) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("another instance") == true)
    }

    @Test func aReferenceWithoutASlashIsRefused() throws {
        let error = #expect(throws: ServeError.self) { try decode(ServeID.self, encode("nonsense")) }
        #expect(error?.code == .invalidArgument)
    }
}
