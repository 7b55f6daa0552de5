import NIOCore
import Swerve

/// A value with stored and computed parts.
struct Request: Codable, Hashable {
    struct Size: Codable, Hashable {
        var width: Int
        var height: Int
    }
    enum Quality: String, Codable, CaseIterable { case draft, good, best }

    var name: String
    var size: Size
    var quality: Quality = .good
    var tags: [String] = []

    var area: Int { size.width * size.height }

    private enum CodingKeys: String, CodingKey { case name, size, quality, tags }
    init(name: String, size: Size, quality: Quality = .good, tags: [String] = []) {
        (self.name, self.size, self.quality, self.tags) = (name, size, quality, tags)
    }
    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        size = try values.decode(Size.self, forKey: .size)
        quality = try values.decodeIfPresent(Quality.self, forKey: .quality) ?? .good
        tags = try values.decodeIfPresent([String].self, forKey: .tags) ?? []
    }
}

/// Small methods whose results show their arguments.
@Deployment
distributed actor Steps {
    private let journal: Journal

    init(journal: Journal) {
        self.journal = journal
    }

    /// Writes its name to the journal when it runs.
    distributed func noted(_ name: String, _ value: Int = 1) async throws -> Int {
        try await journal.note(name)
        return value
    }
    distributed func add(_ a: Int, to b: Int = 10) -> Int { a &+ b }
    distributed func total(_ values: [Int]) -> Int { values.reduce(0, &+) }
    distributed func join(_ words: [String], separator: String = "-") -> String { words.joined(separator: separator) }
    distributed func text(_ value: Int) -> String { "\(value)" }
    distributed func table(_ values: [String: Int]) -> String {
        values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
    distributed func maybe(_ value: Int?) -> String { value.map { "\($0)" } ?? "none" }
    distributed func pair(_ pair: GraphTuple<Int, String>) -> GraphTuple<String, Int> {
        GraphTuple(pair.values.1, pair.values.0)
    }
    distributed func grown(_ request: Request) -> Request {
        var request = request
        request.size.width *= 2
        return request
    }
    distributed func isEven(_ value: Int) -> Bool { value.isMultiple(of: 2) }
    distributed func isLarge(_ request: Request) -> Bool { request.area > 100 }
    distributed func refuse(_ value: Int) throws -> Int { throw Refused(reason: "no \(value)", code: value) }
    distributed func failOpaquely(_ value: Int) throws -> Int { throw Opaque() }
    distributed func zeros(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 0, count: count) }
    distributed func count(_ bytes: ByteBuffer) -> Int { bytes.readableBytes }
    distributed func both(_ first: ByteBuffer, _ second: ByteBuffer) -> Int {
        first.readableBytes + second.readableBytes
    }
    distributed func sized(_ bytes: ByteBuffer, after text: String) -> Int { bytes.readableBytes }
    distributed func remaining() -> Double? { ServeContext.current?.timeRemaining?.seconds }
    distributed func ask(_ steps: Steps, _ value: Int) async throws -> Int { try await steps.add(value) }
}

@FunctionDeployment(placement: .inProcess)
func doubled(_ value: Int) -> Int { value * 2 }

@Deployment
distributed actor LargeMaker {
    distributed func make(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 1, count: count) }
    distributed func end() { fatalError("a trap that a test wants") }
}
