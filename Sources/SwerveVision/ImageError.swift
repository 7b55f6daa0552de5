internal import CImageCodecs

/// Why an image cannot be decoded, made or encoded. It keeps its type when it is sent between processes.
public struct ImageError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
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

        /// The bytes are not an image in a supported format or variant; the message names the supported formats.
        public static let unsupportedFormat = Code("unsupported_format")
        /// A limit of ``ImageLimits``, or the largest size of an image, is exceeded.
        public static let tooLarge = Code("too_large")
        /// The file is damaged or truncated.
        public static let corrupt = Code("corrupt")
        /// libjpeg-turbo, libpng or libwebp is not installed; the message says how to install it.
        public static let libraryMissing = Code("library_missing")
        /// An argument is not acceptable.
        public static let invalidArgument = Code("invalid_argument")
        /// There is not enough memory.
        public static let outOfMemory = Code("out_of_memory")
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

    /// The error that a C function filled in.
    init(_ error: imgc_error) {
        let message = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if error.code == IMGC_UNSUPPORTED.rawValue {
            self.init(.unsupportedFormat, "\(message); \(ImageFileFormat.accepted) are accepted")
            return
        }
        if error.code == IMGC_FORMAT_MISSING.rawValue {
            self.init(.unsupportedFormat, "\(message); \(ImageFileFormat.common) are accepted")
            return
        }
        let code: Code =
            switch UInt32(bitPattern: error.code) {
            case IMGC_LIBRARY_MISSING.rawValue: .libraryMissing
            case IMGC_TOO_LARGE.rawValue: .tooLarge
            case IMGC_NO_MEMORY.rawValue: .outOfMemory
            case IMGC_INVALID_ARGUMENT.rawValue: .invalidArgument
            default: .corrupt
            }
        self.init(code, message)
    }
}
