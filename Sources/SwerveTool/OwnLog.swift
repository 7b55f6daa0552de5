internal import SwerveSystem

/// The file that an instance in the background writes to. When it is full, it becomes `log.1`, and another one begins.
struct OwnLog {
    /// The most bytes of the file: 10 MiB, and what is written until the next look.
    static let maxBytes = 10 << 20
    /// How many there are: 3.
    static let maxFiles = 3
    /// How often the file's size is looked at: every 5 s.
    static let period = Duration.seconds(5)

    let path: String

    /// - Parameter state: the state directory.
    init(_ state: String) {
        path = "\(state)/log"
    }

    private func name(_ number: Int) -> String { number == 0 ? path : "\(path).\(number)" }

    /// Makes room for a new file.
    func rotate() {
        guard FileSystem.exists(path) else { return }
        for number in stride(from: Self.maxFiles - 2, through: 0, by: -1) where FileSystem.exists(name(number)) {
            try? FileSystem.rename(name(number), to: name(number + 1))
        }
    }

    /// Begins a new file if the present one is full.
    ///
    /// - Parameter begin: makes this process write to the file.
    func rotateIfFull(_ begin: (String) throws -> Void) {
        guard let size = FileSystem.size(path), size > Self.maxBytes else { return }
        rotate()
        // What is written until then goes to the old file, and so it does if there can be no new one.
        try? begin(path)
    }

    /// Looks at the file until the task is cancelled.
    func watch() async {
        while (try? await ContinuousClock().sleep(for: Self.period)) != nil {
            rotateIfFull { try ThisProcess.redirectOutput(to: $0, mode: 0o600) }
        }
    }
}
