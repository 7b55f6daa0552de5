import NIOCore
import SwerveActors
import SwerveCore
import Testing

/// The arguments of deployments are compared by their bytes, so equal ones must have equal bytes.
@Suite struct UnorderedEntriesTests {
    private final class Naming: DeploymentNaming {
        let instance = InstanceID(rawValue: 1)
        func name(of bound: BoundDeployment) throws -> DeploymentID { DeploymentID(application: "a", deployment: "d") }
        func resolved(_ value: any ResolvedAtDeploy) -> any ResolvedAtDeploy { value }
    }

    private func arguments(_ value: some Encodable) throws -> ByteBuffer {
        let writer = BinaryWriter(names: Naming())
        try writer.region(value)
        return writer.buffer
    }

    private enum Colour: String, Codable, CodingKeyRepresentable { case red, green }
    private struct Arguments: Codable, Equatable {
        var labels: Set<String> = []
        var nested: Set<Set<Int?>> = []
        var byName: [String: [Set<Int>]] = [:]
        var byNumber: [Int: Double] = [:]
        var byColour: [Colour: Bool] = [.red: true, .green: false]
        var byPair: [[Int]: Set<String>] = [:]

        /// - Parameter spare: the capacity beyond what is needed, which decides the order of the entries.
        init(spare: Int) {
            labels.reserveCapacity(spare)
            byName.reserveCapacity(spare)
            byNumber.reserveCapacity(spare)
            byPair.reserveCapacity(spare)
            for number in 0..<40 {
                var inner = Set<Int?>(minimumCapacity: spare)
                inner.formUnion([nil, number, number + 1, number + 2])
                nested.insert(inner)
                labels.insert(String(repeating: "x", count: number * 10))
                byName["\(number)", default: []].append(Set(0...number))
                byName[String(repeating: "y", count: 200 + number * 3)] = []
                byNumber[number] = Double(number)
                byPair[[number, 1]] = ["\(number)", ""]
            }
        }
    }

    @Test func `equal sets and dictionaries have the same bytes, whatever their order in memory`() throws {
        let (one, other) = (Arguments(spare: 0), Arguments(spare: 5000))
        try #require(one == other)
        #expect(Array(one.labels) != Array(other.labels), "otherwise this proves nothing")
        #expect(try arguments(one) == arguments(other))
    }

    @Test func `sorted entries decode to the same value`() throws {
        let value = Arguments(spare: 0)
        #expect(try decode(Arguments.self, arguments(value)) == value)
        #expect(try decode(Set<Int>.self, arguments(Set<Int>())) == [])
    }

    @Test func `different ones have different bytes`() throws {
        var changed = Arguments(spare: 0)
        changed.byName["7"] = [[]]
        #expect(try arguments(Arguments(spare: 0)) != arguments(changed))
    }
}
