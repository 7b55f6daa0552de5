import Testing

/// The awaited condition did not come true in time.
struct TooLong: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `condition` holds, for things that another thread or a socket does without a notification.
///
/// The only place in these tests where real time passes. A condition that already holds costs nothing; one that never
/// does fails after 20 seconds.
func eventually(
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
