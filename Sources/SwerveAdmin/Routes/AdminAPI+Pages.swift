internal import CSwerveDashboard
internal import NIOCore
internal import SwerveHTTPTypes

extension AdminAPI {
    /// The dashboard: files that are part of the program. They need no token; what they show asks for it.
    var pages: [AdminRoute] {
        var routes: [AdminRoute] = []
        var index = 0
        while let file = swerve_dashboard_file(index)?.pointee {
            let type = String(cString: file.content_type)
            let bytes = ByteBuffer(bytes: UnsafeBufferPointer(start: file.bytes, count: file.count))
            routes.append(
                AdminRoute(.get, String(cString: file.path), need: .nothing) { _ in
                    .bytes(bytes, contentType: type)
                }
            )
            index += 1
        }
        return routes
    }
}
