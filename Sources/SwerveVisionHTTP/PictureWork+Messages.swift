internal import NIOCore
public import SwerveHTTPTypes
public import SwerveVision

extension ServeResponse {
    /// The same as the function that does not wait, off the caller's actor: see ``PictureWork``.
    public static func image(_ image: Image, for request: ServeRequest) async throws -> ServeResponse {
        try await PictureWork.current.run { try ServeResponse.image(image, for: request) }
    }
}
