/// What the system limits a replica's process to; `nil` for what the instance itself may have. The process sets the
/// limits before any code of the user runs, and cannot raise them again.
///
/// Main memory is not among them: see ``Resources/memory``.
public struct ProcessLimits: Hashable, Sendable, Codable, CustomStringConvertible {
    /// How many descriptors it may have open, for files and connections; from 64 on.
    public var openFiles: Int?
    /// The bytes of its address space, from 1 GiB on. Everything that is mapped counts, also the files of models and what
    /// CUDA sets aside.
    public var addressSpace: Int?
    /// How many processes and threads the user of the instance may have on the machine when this process starts another
    /// one; from 16 on. Linux does not limit the user root.
    public var processes: Int?
    /// The bytes of the largest file that it may write.
    public var fileSize: Int?
    /// The bytes of the file that is written when it crashes; 0 for none.
    public var coreSize: Int?

    public init(
        openFiles: Int? = nil,
        addressSpace: Int? = nil,
        processes: Int? = nil,
        fileSize: Int? = nil,
        coreSize: Int? = nil
    ) {
        self.openFiles = openFiles
        self.addressSpace = addressSpace
        self.processes = processes
        self.fileSize = fileSize
        self.coreSize = coreSize
    }

    /// The fewest that make sense, since a worker itself needs some.
    package static let leastOpenFiles = 64
    package static let leastAddressSpace = 1 << 30
    package static let leastProcesses = 16

    package enum Kind: String, Hashable, Sendable { case openFiles, addressSpace, processes, fileSize, coreSize }

    package struct Entry: Hashable, Sendable {
        package let kind: Kind
        package let value: Int
        let least: Int
        package var name: String { kind.rawValue }
    }

    /// The limits that are set, by the names of their properties.
    package var entries: [Entry] {
        let all: [(Kind, Int?, Int)] = [
            (.openFiles, openFiles, Self.leastOpenFiles), (.addressSpace, addressSpace, Self.leastAddressSpace),
            (.processes, processes, Self.leastProcesses), (.fileSize, fileSize, 0), (.coreSize, coreSize, 0),
        ]
        return all.compactMap { kind, value, least in value.map { Entry(kind: kind, value: $0, least: least) } }
    }

    package func with(_ other: ProcessLimits) -> ProcessLimits {
        ProcessLimits(
            openFiles: other.openFiles ?? openFiles,
            addressSpace: other.addressSpace ?? addressSpace,
            processes: other.processes ?? processes,
            fileSize: other.fileSize ?? fileSize,
            coreSize: other.coreSize ?? coreSize
        )
    }

    package func problem() -> String? {
        for entry in entries where entry.value < entry.least {
            return "the limit \(entry.name) is \(entry.value); it must be at least \(entry.least)"
        }
        return nil
    }

    public var description: String {
        entries.isEmpty ? "none" : entries.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    }

    /// One word for each limit, for the settings of a worker.
    package var text: String { entries.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        self.init()
        for word in text.split(separator: " ") {
            let parts = word.split(separator: "=")
            guard parts.count == 2, let value = Int(parts[1]) else { return nil }
            switch Kind(rawValue: String(parts[0])) {
            case .openFiles: openFiles = value
            case .addressSpace: addressSpace = value
            case .processes: processes = value
            case .fileSize: fileSize = value
            case .coreSize: coreSize = value
            case nil: return nil
            }
        }
    }
}
