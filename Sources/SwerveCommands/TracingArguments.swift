package import ArgumentParser
internal import SwerveCore
package import SwerveTracing

/// What a command line says of tracing. What it leaves out stays as it is. Headers of the collector may be secret, so
/// they have no place there.
package struct TracingArguments: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Send spans to an OpenTelemetry collector. The other options of tracing include this."
    )
    package var tracing: Bool?

    @Option(
        help: ArgumentHelp(
            "Where the collector takes spans; by default what OTEL_EXPORTER_OTLP_ENDPOINT says, or "
                + "\(TracingSettings.defaultEndpoint).",
            valueName: "url"
        )
    )
    package var tracingEndpoint: String?

    @Option(
        help: ArgumentHelp(
            "Which traces are recorded: always, never, or a share from 0 to 1; always by default.",
            valueName: "sampling"
        )
    )
    package var tracingSampling: String?

    @Option(
        help: ArgumentHelp(
            "The name that the spans go by; by default what OTEL_SERVICE_NAME says, or the program's.",
            valueName: "name"
        )
    )
    package var tracingServiceName: String?

    package init() {}

    private var saysMore: Bool { tracingEndpoint != nil || tracingSampling != nil || tracingServiceName != nil }

    private var sampling: TraceSampling? {
        switch tracingSampling {
        case nil: nil
        case "always": .always
        case "never": .never
        case let text?: Double(text).flatMap { (0...1).contains($0) ? .ratio($0) : nil }
        }
    }

    package func validate() throws {
        if tracing == false, saysMore {
            throw ValidationError("--no-tracing contradicts the other options of tracing; keep one")
        }
        if let tracingSampling, sampling == nil {
            throw ValidationError(
                "--tracing-sampling is '\(tracingSampling)'; it must be always, never or a number from 0 to 1"
            )
        }
        var options: TracingOptions?
        apply(to: &options)
        guard let options else { return }
        do throws(ServeError) {
            // The environment is the instance's to read.
            _ = try TracingSettings(options, variable: { _ in nil }, program: "swerve")
        } catch {
            let arguments = ["tracing.endpoint": "--tracing-endpoint", "tracing.serviceName": "--tracing-service-name"]
            throw ValidationError(error.message.namingArguments(arguments))
        }
    }

    /// - Parameter options: `nil` for no tracing.
    package func apply(to options: inout TracingOptions?) {
        if tracing == false {
            options = nil
            return
        }
        guard tracing == true || saysMore else { return }
        var changed = options ?? TracingOptions()
        changed.endpoint = tracingEndpoint ?? changed.endpoint
        changed.sampling = sampling ?? changed.sampling
        changed.serviceName = tracingServiceName ?? changed.serviceName
        options = changed
    }
}
