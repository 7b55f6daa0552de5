package import Testing

/// What a test waited for did not happen.
package struct TooLong: Error, CustomStringConvertible {
    package let description: String
}

/// Waits until `condition` holds. For effects of another thread, process or socket that nothing reports.
///
/// This is the only place in the tests that waits for real time. A condition that already holds costs nothing; one that
/// never holds fails after 20 seconds.
package func eventually(
    _ what: @autoclosure () -> String,
    _ sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    for _ in 0..<10_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("not within 20 seconds: \(what())", sourceLocation: sourceLocation)
    throw TooLong(description: what())
}

/// Waits until a number stops changing, and returns it.
package func settled(_ number: () async throws -> Int) async throws -> Int {
    var last = -1
    var same = 0
    try await eventually("a number settles") {
        let now = try await number()
        same = now == last ? same + 1 : 0
        last = now
        return same == 50
    }
    return last
}
