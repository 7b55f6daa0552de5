import Swerve
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Answers with the request's number after a moment.
@Deployment
distributed actor Echo: HTTPIngress, Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var milliseconds: Int
    }
    private let logs: String
    private var milliseconds = 2

    init(logs: String, version: Int) {
        self.logs = logs
    }

    func reconfigure(_ config: UserConfig) async throws { milliseconds = config.milliseconds }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let number = request.path.dropFirst()
        StartLog.note(number, in: logs)
        try await Task.sleep(for: .milliseconds(milliseconds))
        return .text("\(number)")
    }
}

/// Asks a ``Back``, in another process, for the answer.
@Deployment
distributed actor Front: HTTPIngress {
    private let logs: String
    private let back: Back

    init(logs: String, version: Int, back: Back) {
        self.logs = logs
        self.back = back
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let number = request.path.dropFirst()
        StartLog.note(number, in: logs)
        return .text(try await back.answer("\(number)"))
    }
}

@Deployment
distributed actor Back {
    private let logs: String

    init(logs: String, version: Int) {
        self.logs = logs
    }

    distributed func answer(_ number: String) async throws -> String {
        StartLog.note(number[...], in: logs)
        try await Task.sleep(for: .milliseconds(2))
        return number
    }
}

/// The numbers of the requests that user code of this process began, in a file that outlives it: `started-PROCESS`.
enum StartLog {
    private static let file = Mutex<Int32>(-1)

    static func note(_ number: Substring, in folder: String) {
        file.withLock { file in
            if file < 0 { file = open("\(folder)/started-\(getpid())", O_WRONLY | O_CREAT | O_APPEND, 0o600) }
            let line = "\(number)\n"
            _ = write(file, line, line.utf8.count)
        }
    }
}
