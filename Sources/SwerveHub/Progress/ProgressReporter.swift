internal import Logging
internal import SwerveSystem
internal import Synchronization

/// Shows the progress of a load on the terminal or in the log.
final class ProgressReporter: Sendable {
    private let progress: Mutex<HubProgress?>
    private let logger: Logger
    private let now: @Sendable () -> Duration

    init(title: String, files: [HubFile], options: ModelHubOptions, now: @escaping @Sendable () -> Duration) {
        logger = options.logger
        self.now = now
        let sizes = files.compactMap(\.size)
        let total = sizes.count == files.count ? sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue } : nil
        let style = ProgressReporter.style(options.progress)
        progress = Mutex(
            style.map { HubProgress(title: title, files: files.count, total: total, style: $0, now: now()) }
        )
        show { progress, _ in progress.began() }
    }

    func received(_ bytes: Int) { show { $0.received(bytes, now: $1) } }
    func counted(_ bytes: Int) { show { $0.counted(bytes, now: $1) } }
    func finishedFile() { show { $0.finishedFile(now: $1) } }
    func ended() { show { $0.ended(now: $1) } }

    private func show(_ event: (inout HubProgress, Duration) -> HubProgress.Output?) {
        let now = now()
        // Writes the line while holding the lock, so that lines appear in the order of events.
        progress.withLock { progress in
            guard var value = progress else { return }
            let output = event(&value, now)
            progress = value
            switch output {
            case .bar(let text): StandardError.write("\r\(text)\u{1B}[K")
            case .lastBar(let text): StandardError.write("\r\(text)\u{1B}[K\n")
            case .line("downloading", let metadata): logger.info("downloading", metadata: metadata.asLogged)
            case .line("downloaded", let metadata): logger.info("downloaded", metadata: metadata.asLogged)
            case .line(_, let metadata): logger.info("still downloading", metadata: metadata.asLogged)
            case nil: break
            }
        }
    }

    private static func style(_ progress: ModelHubOptions.Progress) -> HubProgress.Style? {
        switch progress {
        case .none: nil
        case .log: .log
        case .bar: .bar(columns: columns)
        default: StandardError.isTerminal ? .bar(columns: columns) : .log
        }
    }

    /// The width of the terminal minus one, so that a full line does not wrap.
    private static var columns: Int {
        guard let columns = StandardError.columns, columns > 20 else { return 79 }
        return columns - 1
    }
}

extension [String: String] {
    fileprivate var asLogged: Logger.Metadata { mapValues { "\($0)" } }
}
