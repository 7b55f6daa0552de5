public import SwerveHTTPTypes

extension ONNXError: HTTPErrorConvertible {
    /// The answer to a client that sent invalid input, or whose request found the queue full; `nil` for failures of the
    /// service.
    public var httpError: HTTPError? {
        switch code {
        case .invalidInput: HTTPError(.unprocessableContent, message)
        case .queueFull: HTTPError(.serviceUnavailable, message)
        default: nil
        }
    }
}
