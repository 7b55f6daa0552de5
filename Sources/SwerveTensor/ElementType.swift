/// The type of the elements of a ``Tensor``.
///
/// Open: later versions may add types, so code that handles only some of them needs a default.
public struct ElementType: Hashable, Sendable, CaseIterable, CustomStringConvertible {
    private enum Kind: String, CaseIterable {
        case float16, bfloat16, float32, float64
        case int8, int16, int32, int64
        case uint8, uint16, uint32, uint64
        case bool
    }

    private let kind: Kind

    private init(_ kind: Kind) {
        self.kind = kind
    }

    /// The type with this name, for example `float32`; nil when there is none.
    public init?(name: some StringProtocol) {
        guard let kind = Kind(rawValue: String(name)) else { return nil }
        self.kind = kind
    }

    /// 16-bit IEEE 754 numbers.
    public static let float16 = ElementType(.float16)
    /// 16-bit numbers with the exponent of `float32` and 7 fraction bits, see ``BFloat16``. NumPy has no such type.
    public static let bfloat16 = ElementType(.bfloat16)
    /// 32-bit IEEE 754 numbers.
    public static let float32 = ElementType(.float32)
    /// 64-bit IEEE 754 numbers.
    public static let float64 = ElementType(.float64)
    /// Signed 8-bit integers.
    public static let int8 = ElementType(.int8)
    /// Signed 16-bit integers.
    public static let int16 = ElementType(.int16)
    /// Signed 32-bit integers.
    public static let int32 = ElementType(.int32)
    /// Signed 64-bit integers.
    public static let int64 = ElementType(.int64)
    /// Unsigned 8-bit integers.
    public static let uint8 = ElementType(.uint8)
    /// Unsigned 16-bit integers.
    public static let uint16 = ElementType(.uint16)
    /// Unsigned 32-bit integers.
    public static let uint32 = ElementType(.uint32)
    /// Unsigned 64-bit integers.
    public static let uint64 = ElementType(.uint64)
    /// One byte per element, 0 or 1.
    public static let bool = ElementType(.bool)

    /// Every type.
    public static var allCases: [ElementType] { Kind.allCases.map(ElementType.init) }

    /// The name, as NumPy spells it: `float32`, `uint8`, `bool`.
    public var name: String { kind.rawValue }

    public var description: String { name }

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch kind {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}

extension ElementType: Codable {
    /// Reads the name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let type = ElementType(name: name) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no element type named '\(name)'")
        }
        self = type
    }

    /// Writes the name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
