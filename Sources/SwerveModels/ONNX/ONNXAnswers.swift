internal import Swerve
internal import SwerveONNX
internal import SwerveTensor

/// The answers to clients of an ``ONNXModel`` when something fails.
enum ONNXAnswers {
    /// 422 for inputs that do not fit the model, 503 with `retry-after` when the queue is full, 500 with the runtime's
    /// message for everything else.
    static func error(for error: ONNXError) -> any Error {
        switch error.code {
        case .invalidInput, .unsupportedType: ServeHTTPError(.unprocessableContent, error.message)
        case .queueFull: ServeError(.queueFull, error.message)
        default: ServeHTTPError(.internalServerError, error.message)
        }
    }

    /// 413 for too many bytes, 400 for a damaged file, 422 for an array that cannot be a tensor.
    static func error(for error: TensorError) -> ServeHTTPError {
        switch error.code {
        case .tooLarge: ServeHTTPError(.contentTooLarge, error.message)
        case .malformed, .sizeMismatch: ServeHTTPError(.badRequest, error.message)
        default: ServeHTTPError(.unprocessableContent, error.message)
        }
    }
}
