public import SwerveHTTPTypes

extension ONNXError: HTTPErrorConvertible {
    /// The answer to a client that sent what the model cannot take, or that came when too many waited; `nil` for failures of
    /// the service.
    public var httpError: HTTPError? {
        switch code {
        case .invalidInput: HTTPError(.unprocessableContent, message)
        case .queueFull: HTTPError(.serviceUnavailable, message)
        default: nil
        }
    }
}
