import Foundation
import Swerve

/// The lines of standard input.
enum Commands {
    private struct Report: Codable {
        var changes: Changes.Report
        var instance: ServeStatus
    }

    static func follow(_ changes: Changes) async throws {
        for await line in lines() {
            switch line {
            case "resume": changes.pause(false)
            case "pause": changes.pause(true)
            default: try print(Report(changes: changes.report, instance: await Serve.status()))
            }
        }
    }

    private static func lines() -> AsyncStream<String> {
        AsyncStream { continuation in
            DispatchQueue(label: "commands").async {
                while let line = readLine() { continuation.yield(line) }
            }
        }
    }

    private static func print(_ report: Report) throws {
        // Not with `fflush(nil)`, which would wait for the thread that reads the input.
        let line = Data("report ".utf8) + (try JSONEncoder().encode(report)) + Data("\n".utf8)
        try FileHandle.standardOutput.write(contentsOf: line)
    }
}
