internal import Logging
package import SwerveConfig
internal import SwerveCore
internal import SwerveLogs
internal import SwerveTracing

extension ServeOptions {
    /// Takes over what a configuration says of the instance: `http_options`, `logging_config` and `tracing`. What these
    /// leave out stays as it is.
    ///
    /// - Throws: ``ConfigError`` for a value that the instance would not start with, with its place in the file.
    package mutating func take(_ config: ServeConfig) throws(ConfigError) {
        if let http = config.http { take(http) }
        if let logging = config.logging {
            logs.take(logging)
            if let problem = logs.problem { throw Self.error(problem, in: config, "logging_config") }
        }
        if let tracing = config.tracing {
            var options = self.tracing ?? TracingOptions()
            options.take(tracing)
            self.tracing = options
            do throws(ServeError) {
                _ = try tracingSettings()
            } catch {
                throw Self.error(error.message, in: config, "tracing")
            }
        }
    }

    /// - Parameter problem: begins with the name of an option, such as `tracing.serviceName`.
    private static func error(_ problem: String, in config: ServeConfig, _ section: String) -> ConfigError {
        let paths = [
            "logs.directory": "logging_config.logs_dir", "tracing.endpoint": "tracing.endpoint",
            "tracing.serviceName": "tracing.service_name", "tracing.headers": "tracing.headers",
        ]
        let path = paths[String(problem.prefix { $0 != " " })] ?? section
        return ConfigError([ConfigProblem(.outOfRange, at: config.place(of: path), problem)])
    }

    private mutating func take(_ http: HTTPConfig) {
        host = http.host ?? host
        port = http.port ?? port
        requestTimeout = http.requestTimeout ?? requestTimeout
        idleTimeout = http.idleTimeout ?? idleTimeout
        proxies = http.proxies ?? proxies
        eventLoops = http.eventLoops ?? eventLoops
        maxBodyBytes = http.maxBodyBytes ?? maxBodyBytes
        maxHeadBytes = http.maxHeadBytes ?? maxHeadBytes
        maxBufferedBytes = http.maxBufferedBytes ?? maxBufferedBytes
        maxSharedBytes = http.maxSharedBytes ?? maxSharedBytes
        maxConnections = http.maxConnections ?? maxConnections
        drainDelay = http.drainDelay ?? drainDelay
        drainTimeout = http.drainTimeout ?? drainTimeout
    }
}

extension LogOptions {
    fileprivate mutating func take(_ config: LoggingConfig) {
        if let encoding = config.encoding { format = encoding == .json ? .json : .text }
        // The file has swift-log's names in capitals.
        level = config.level.flatMap { Logger.Level(rawValue: $0.description.lowercased()) } ?? level
        directory = config.logsDirectory ?? directory
        accessLog = config.logsAccess ?? accessLog
        passesOn = config.passesOn ?? passesOn
        maxLines = config.maxLines ?? maxLines
        maxBytes = config.maxBytes ?? maxBytes
        maxLineBytes = config.maxLineBytes ?? maxLineBytes
        maxFileBytes = config.maxFileBytes ?? maxFileBytes
        maxFiles = config.maxFiles ?? maxFiles
        maxEndedProcesses = config.maxEndedProcesses ?? maxEndedProcesses
        maxTotalBytes = config.maxTotalBytes ?? maxTotalBytes
    }
}

extension TracingOptions {
    fileprivate mutating func take(_ config: TracingConfig) {
        endpoint = config.endpoint ?? endpoint
        serviceName = config.serviceName ?? serviceName
        sampling = config.sampling.map { $0.share.map(TraceSampling.ratio) ?? .never } ?? sampling
        headers = config.headers ?? headers
        limits.maxQueuedSpans = config.maxQueuedSpans ?? limits.maxQueuedSpans
        limits.maxSpansPerExport = config.maxSpansPerExport ?? limits.maxSpansPerExport
        limits.exportInterval = config.exportInterval ?? limits.exportInterval
        limits.exportTimeout = config.exportTimeout ?? limits.exportTimeout
        limits.maxAttempts = config.maxAttempts ?? limits.maxAttempts
        limits.shutdownTimeout = config.shutdownTimeout ?? limits.shutdownTimeout
        limits.maxAttributesPerSpan = config.maxAttributesPerSpan ?? limits.maxAttributesPerSpan
        limits.maxTextBytes = config.maxTextBytes ?? limits.maxTextBytes
    }
}
