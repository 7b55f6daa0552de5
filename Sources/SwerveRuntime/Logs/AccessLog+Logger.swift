internal import Logging
internal import NIOCore
internal import SwerveCore
internal import SwerveProxy

extension AccessLog {
    /// Writes a line of level `info` for each request.
    static func written(by logger: Logger) -> AccessLog {
        AccessLog { entry in
            var metadata: Logger.Metadata = [
                "method": .string(entry.method), "path": .string(entry.path), "status": "\(entry.status)",
                "duration_ms": .string(milliseconds(entry.duration.nanoseconds)),
                "request_id": .string(entry.requestID),
            ]
            if let deployment = entry.deployment {
                metadata["application"] = .string(deployment.application)
                metadata["deployment"] = .string(deployment.deployment)
            }
            logger.info("request", metadata: metadata)
        }
    }

    /// With three digits behind the point.
    private static func milliseconds(_ nanoseconds: Int64) -> String {
        let microseconds = (nanoseconds + 500) / 1000
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
