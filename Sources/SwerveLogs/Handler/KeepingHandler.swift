package import Logging

/// A handler that also keeps what is logged in a store: for the instance's own logger, whose handler is the program's.
package struct KeepingHandler: LogHandler {
    private var inner: any LogHandler
    private let label: String
    private let store: LogStore
    private let now: @Sendable () -> Int64

    package init(_ inner: any LogHandler, label: String, _ store: LogStore, now: @escaping @Sendable () -> Int64) {
        self.inner = inner
        self.label = label
        self.store = store
        self.now = now
    }

    package var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue }
    }
    package var metadataProvider: Logger.MetadataProvider? {
        get { inner.metadataProvider }
        set { inner.metadataProvider = newValue }
    }
    package var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue }
    }

    package func log(event: LogEvent) {
        inner.log(event: event)
        let record = LogRecord(event, of: inner, label: label, time: now())
        var splitter = LineSplitter(limit: store.options.maxLineBytes)
        store.add(splitter.wrote(record.line(store.options.format).utf8), from: .instance, .error)
    }
}

extension LogStore {
    /// A logger that writes where `logger` does, and whose lines are also kept as the instance's own.
    package func keeping(_ logger: Logger) -> Logger {
        var result = logger
        result.handler = KeepingHandler(logger.handler, label: logger.label, self, now: now)
        return result
    }
}
