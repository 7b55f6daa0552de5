extension DeploymentOptions {
    /// Whether a replica that answers HTTP requests compresses its answers with gzip.
    public struct Compression: Hashable, Sendable, Codable, CustomStringConvertible {
        /// Answers shorter than this stay as they are; `nil` when nothing is compressed.
        package let minimumBytes: Int?
        /// From 1, the fastest, to 9, the smallest.
        package let level: Int
        /// Answers are sent as they are.
        public static let off = Compression(minimumBytes: nil, level: 1)
        /// Answers are compressed when the client accepts gzip, the content is of a type that compresses and it becomes
        /// smaller. The default. The replica does it, outside its actor.
        ///
        /// - Parameters:
        ///   - minimumBytes: shorter answers stay as they are; 1024 by default.
        ///   - level: from 1, the fastest and the default, to 9, the smallest.
        public static func gzip(minimumBytes: Int = 1024, level: Int = 1) -> Compression {
            Compression(minimumBytes: minimumBytes, level: level)
        }
        public var description: String { minimumBytes.map { "gzip from \($0) bytes, level \(level)" } ?? "off" }

        func problem() -> String? {
            if let minimumBytes, minimumBytes < 0 {
                return "compression: minimumBytes is \(minimumBytes); it must not be negative"
            }
            return (1...9).contains(level) ? nil : "compression: level is \(level); it must be from 1 to 9"
        }
    }

    /// Whether a replica that answers HTTP requests sees their content without the codings that `content-encoding`
    /// lists.
    public struct RequestDecoding: Hashable, Sendable, Codable, CustomStringConvertible {
        /// `nil` when nothing is decoded.
        package let maximumRatio: Int?
        /// Requests arrive as they were sent, with their `content-encoding`.
        public static let off = RequestDecoding(maximumRatio: nil)
        /// Content coded with gzip or deflate is decoded while it is read. Other codings are answered with 415. The
        /// default.
        ///
        /// - Parameter maximumRatio: how many times as large as what was sent the decoded content may be; 200 by
        ///   default. More is answered with 413. Content that decodes to 1 MiB or less is never too large for this
        ///   limit.
        public static func on(maximumRatio: Int = 200) -> RequestDecoding {
            RequestDecoding(maximumRatio: maximumRatio)
        }
        public var description: String { maximumRatio.map { "on, ratio up to \($0)" } ?? "off" }

        func problem() -> String? {
            guard let maximumRatio, maximumRatio < 1 else { return nil }
            return "requestDecoding: maximumRatio is \(maximumRatio); it must be at least 1"
        }
    }
}
