internal import SwerveCore

extension LoggingConfig {
    /// The fields that replicas can have of their own.
    static let ofProcess = ["encoding", "log_level"]

    static let fields: [Field<LoggingConfig>] = [
        Field(
            "encoding",
            \.encoding,
            .choice([.text, .json].map { ($0.description, $0) }),
            absence: "`TEXT`",
            "How a line of the log is written."
        ),
        Field("log_level", \.level, level, absence: "`INFO`", "The least level that is logged."),
        Field(
            "logs_dir",
            \.logsDirectory,
            .text(.text) { $0.isEmpty ? "the folder of the logs has no name; leave it out for the instance's" : nil },
            absence: "`logs` in the state directory",
            "The folder of the log files, relative to the file's folder."
        ),
        Field(
            "enable_access_log",
            \.logsAccess,
            .boolean,
            absence: "false; Ray's is true",
            "Whether each HTTP request is logged."
        ),
        Field(
            "passes_on",
            \.passesOn,
            .boolean,
            absence: "true, and false in the background",
            "Whether what processes write also goes where the instance's own output goes."
        ),
        Field("max_lines", \.maxLines, .integer(1...1_000_000), absence: "2000", "Lines of a process in memory."),
        Field(
            "max_bytes",
            \.maxBytes,
            ResourceFields.byteCount(in: 1024...1 << 30),
            absence: "1 MiB",
            "Bytes of a process's lines in memory."
        ),
        Field(
            "max_line_bytes",
            \.maxLineBytes,
            ResourceFields.byteCount(in: 80...1 << 20),
            absence: "16 KiB",
            "The longest line. The rest of a longer one is dropped."
        ),
        Field(
            "max_file_bytes",
            \.maxFileBytes,
            ResourceFields.byteCount(in: 4096...1 << 40),
            absence: "10 MiB",
            "The largest file. After that, a new one begins."
        ),
        Field(
            "max_files",
            \.maxFiles,
            .integer(1...1000),
            absence: "3",
            "Files of a process. The oldest one is removed."
        ),
        Field(
            "max_ended_processes",
            \.maxEndedProcesses,
            .integer(0...10_000),
            absence: "20",
            "Of how many processes that have ended lines and files stay."
        ),
        Field(
            "max_total_bytes",
            \.maxTotalBytes,
            ResourceFields.byteCount(in: 4096...Int.max),
            absence: "1 GiB",
            "Bytes of all files. Beyond that, those of processes that have ended go."
        ),
        .unused(
            "additional_log_standard_attrs",
            .list(.text),
            "they are attributes of Python's log records; the metadata of a line has what there is"
        ),
    ]

    /// A name, or the number that Python has for it.
    private static let level: Format<Level> = {
        let names = Format<Level>.choice(Level.all.map { ($0.description, $0) })
        let numbers: [Int: Level] = [10: .debug, 20: .info, 30: .warning, 40: .error, 50: .critical]
        return Format(
            shape: names.shape,
            read: { node, reading in
                if case .integer(let number) = node.content, let level = numbers[number] { return level }
                return names.read(node, &reading)
            },
            write: names.write
        )
    }()
}
