/// A Swift type whose values can be elements of a ``Tensor``, with the same layout as in memory.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The element type whose bytes have the layout of this type.
    static var elementType: ElementType { get }
}

// Intel Macs have no Float16.
#if !(os(macOS) && arch(x86_64))
    extension Float16: TensorElement {
        public static var elementType: ElementType { .float16 }
    }
#endif

extension Float: TensorElement {
    public static var elementType: ElementType { .float32 }
}

extension Double: TensorElement {
    public static var elementType: ElementType { .float64 }
}

extension Int8: TensorElement {
    public static var elementType: ElementType { .int8 }
}

extension Int16: TensorElement {
    public static var elementType: ElementType { .int16 }
}

extension Int32: TensorElement {
    public static var elementType: ElementType { .int32 }
}

extension Int64: TensorElement {
    public static var elementType: ElementType { .int64 }
}

extension UInt8: TensorElement {
    public static var elementType: ElementType { .uint8 }
}

extension UInt16: TensorElement {
    public static var elementType: ElementType { .uint16 }
}

extension UInt32: TensorElement {
    public static var elementType: ElementType { .uint32 }
}

extension UInt64: TensorElement {
    public static var elementType: ElementType { .uint64 }
}

extension Bool: TensorElement {
    public static var elementType: ElementType { .bool }
}
