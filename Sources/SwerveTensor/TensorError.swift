/// Why a ``Tensor`` cannot be made, read or viewed as asked.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add codes, so handle unknown ones.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// A dimension is negative, there are too many of them, or their product does not fit.
        public static let invalidShape = Code("invalid_shape")
        /// The number of bytes or values does not match the shape.
        public static let sizeMismatch = Code("size_mismatch")
        /// The elements have a different type from the one requested.
        public static let typeMismatch = Code("type_mismatch")
        /// A byte of a Boolean tensor is neither 0 nor 1.
        public static let invalidValue = Code("invalid_value")
        /// The bytes are not a well-formed `.npy` file.
        public static let malformed = Code("malformed")
        /// The `.npy` file holds something that a tensor cannot: objects, records, text, complex numbers, dates.
        public static let unsupportedType = Code("unsupported_type")
        /// A limit is exceeded; the message names it.
        public static let tooLarge = Code("too_large")
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
