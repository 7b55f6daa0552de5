import SwerveCore
import SwerveHTTPTypes

/// Headers with lists, and paths: what is read agrees with itself.
enum HTTPFieldTarget {
    static let seeds = [
        "text/html;level=1;q=0.4, */*;q=0.1", "image/png, image/jpeg;q=0.9,, application/json", "gzip;q=0.5, *;q=0",
        "multipart/form-data; boundary=\"a, b\\\"\"; charset=utf-8", "a;b=\"unterminated, c/d", "/a%2Fb/%73egment/%zz",
        "/gr%c3%b6%c3%9fe/{name}/x", "/models/{name}/labels", "/a|b c", "",
    ]

    static func run(_ input: UnsafeBufferPointer<UInt8>) throws(WrongResult) -> String {
        let text = String(decoding: input, as: UTF8.self)
        let list = FieldList(text)
        for member in list.members {
            try require((0...1000).contains(member.weight), "the weight \(member.weight)")
            try require(member.value == member.value.lowercased(), "the value \(member.value)")
        }
        if let type = MediaType(text) {
            try require(MediaType(type.essence)?.essence == type.essence, "the essence \(type.essence)")
        }
        let normal = NormalPath.normalized(text)
        try require(NormalPath.normalized(normal) == normal, "the normal form of a normal form")
        try require(normal.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "the character in \(normal)")
        let path = Array(text.utf8)
        let length = path.withUnsafeBytes { NormalPath.length(of: Array(normal.utf8), in: $0) }
        try require(normal.hasSuffix("/") || length == path.count, "the length \(length ?? -1)")
        let pattern = PathPattern(text)
        if pattern.problem == nil, !text.contains("{") { try require(pattern.match(normal) != nil, "the pattern") }
        return list.members.isEmpty ? "no members" : "accepted"
    }

    private static func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(WrongResult) {
        if !condition { throw WrongResult(message: "\(what()) is wrong") }
    }
}
