public import SwerveHTTPTypes

extension ONNXError: ServeHTTPErrorConvertible {
    /// The answer to a client that sent invalid input, or whose request found the queue full; `nil` for failures of the
    /// service.
    public var httpError: ServeHTTPError? {
        switch code {
        case .invalidInput: ServeHTTPError(.unprocessableContent, message)
        case .queueFull: ServeHTTPError(.serviceUnavailable, message)
        default: nil
        }
    }
}
