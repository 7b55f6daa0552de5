internal import CONNXRuntime

/// Why a model cannot be loaded or run. It keeps its type when it is sent between processes.
public struct ONNXError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add codes, so handle unknown ones.
    public struct Code: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// ONNX Runtime is not installed, or no library that was found can be used; the message lists what was tried.
        public static let libraryMissing = Code("library_missing")
        /// There is no such file or folder, or it cannot be read.
        public static let notFound = Code("not_found")
        /// The file is not a model that ONNX Runtime can load.
        public static let invalidModel = Code("invalid_model")
        /// None of the requested execution providers can run the model; the message says why.
        public static let providerUnavailable = Code("provider_unavailable")
        /// An option is out of range.
        public static let invalidArgument = Code("invalid_argument")
        /// The inputs do not match the model: a name, an element type or a shape.
        public static let invalidInput = Code("invalid_input")
        /// The model has inputs or outputs of an unsupported kind, such as sequences and maps, or text where the caller
        /// wants numbers.
        public static let unsupportedType = Code("unsupported_type")
        /// As many runs are waiting as ``ONNXSessionOptions/queueLimit`` allows.
        public static let queueFull = Code("queue_full")
        /// ONNX Runtime failed while it ran the model.
        public static let runFailed = Code("run_failed")
        /// A model's configuration file lacks a value or has an invalid one.
        public static let invalidConfiguration = Code("invalid_configuration")
        /// A file cannot be written to ``ONNXSessionOptions/cacheFolder``.
        public static let cacheFailed = Code("cache_failed")
        /// A thread cannot be started, or there is not enough memory.
        public static let outOfResources = Code("out_of_resources")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, for human readers.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }
}

extension onnxrt_error {
    /// The text that a C function filled in.
    var text: String {
        withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
