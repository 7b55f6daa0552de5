internal import SwerveAdmin
package import SwerveCore
internal import SwerveLogs
internal import SwerveSystem
package import SwerveTracing

extension ServeOptions {
    /// - Throws: ``ServeError`` with code `invalidOptions`; the message names the option, its value and the accepted
    ///   range.
    package func validate() throws(ServeError) {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ServeError) {
            guard !range.contains(value) else { return }
            let accepted =
                range.upperBound == .max
                ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            throw ServeError(.invalidOptions, "\(name) is \(value); it must be \(accepted)")
        }
        try check("port", port, 0...Int(UInt16.max))
        try check("proxies", proxies, 0...64)
        if let eventLoops { try check("eventLoops", eventLoops, 1...1024) }
        try check("maxBodyBytes", maxBodyBytes, 0...Int.max)
        try check("maxHeadBytes", maxHeadBytes, 1...Int.max)
        try check("maxBufferedBytes", maxBufferedBytes, 0...Int.max)
        try check("maxSharedBytes", maxSharedBytes, 0...Int.max)
        try check("maxConnections", maxConnections, 1...Int.max)
        for (name, time) in [("idleTimeout", idleTimeout), ("requestTimeout", requestTimeout ?? idleTimeout)]
        where time <= .zero {
            throw ServeError(.invalidOptions, "\(name) is \(time); it must be longer than zero")
        }
        for (name, time) in [("drainDelay", drainDelay), ("drainTimeout", drainTimeout)] where time < .zero {
            throw ServeError(.invalidOptions, "\(name) is \(time); it must not be negative")
        }
        if stateDirectory == "" {
            throw ServeError(.invalidOptions, "stateDirectory is empty; it must be a path, or nil to keep nothing")
        }
        if let problem = logs.problem { throw ServeError(.invalidOptions, problem) }
        if let problem = admin?.problem { throw ServeError(.invalidOptions, problem) }
        if let problem = node?.problem() { throw ServeError(.invalidOptions, problem) }
        _ = try tracingSettings()
    }

    /// The options of tracing with the environment's defaults; `nil` without tracing.
    package func tracingSettings() throws(ServeError) -> TracingSettings? { try TracingSettings(tracing) }
}

extension TracingSettings {
    /// - Parameter options: `nil` for no tracing.
    init?(_ options: TracingOptions?) throws(ServeError) {
        guard let options else { return nil }
        try self.init(options, variable: { ThisProcess.environmentVariable($0) }, program: ThisProcess.name)
    }
}
