import Foundation
import Logging
import Swerve
import SwerveModels
import SwerveVision
import Synchronization
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The files for the SegFormer tests, and the instance that runs their replicas.
enum SegFormerSupport {
    struct Missing: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is missing: run make setup-test" }
    }

    private static let cache = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".cache")

    static let tiny = cache.appending(path: "models/segformer-tiny-random").path
    static let b0 = cache.appending(path: "models/segformer-b0-random").path
    static let forms = cache.appending(path: "golden/forms").path
    static let fixed = cache.appending(path: "golden/forms/fixed").path

    static func photo() throws -> Image {
        let path = cache.appending(path: "golden/images/photo.png").path
        guard let data = FileManager.default.contents(atPath: path) else { throw Missing(path: path) }
        return try Image.decode(Array(data))
    }

    static func gray(_ width: Int, _ height: Int) throws -> Image {
        try Image(width: width, height: height, channels: 1, pixels: [UInt8](repeating: 99, count: width * height))
    }

    /// A hub cache. The environment of this process and its replicas points to it, and nothing is downloaded.
    static let hubCache: String = {
        let path = FileManager.default.temporaryDirectory.appending(path: "swerve-hub-\(getpid())").path
        setenv("HF_HUB_CACHE", path, 1)
        setenv("HF_HUB_OFFLINE", "1", 1)
        return path
    }()

    private static let names = Mutex(0)

    /// Runs a bound deployment while `body` runs, and passes `body` its handle and URL.
    static func serve<D: Deployment, Result>(
        _ bound: D,
        _ body: (D, URL) async throws -> Result
    ) async throws -> Result {
        _ = hubCache
        let name = "segformer-\(names.withLock { $0 += 1; return $0 })"
        let handle = try await instance.run(bound, name: name, routePrefix: "/\(name)")
        let port = try #require(await instance.port)
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/\(name)"))
        do {
            let result = try await body(handle, url)
            try await instance.delete(name)
            return result
        } catch {
            try? await instance.delete(name)
            throw error
        }
    }
}

/// An answer received over HTTP.
struct WebAnswer {
    var status: Int
    var type: String
    var headers: [String: String]
    var body: Data
    var text: String { String(decoding: body, as: UTF8.self) }

    static func get(_ url: URL) async throws -> WebAnswer {
        try await fetch(URLRequest(url: url))
    }

    static func send(
        _ body: some Sequence<UInt8>,
        to url: URL,
        query: String = "",
        accept: String = "*/*",
        method: String = "POST"
    )
        async throws -> WebAnswer
    {
        var request = URLRequest(url: try #require(URL(string: url.absoluteString + query)))
        request.httpMethod = method
        request.httpBody = Data(body)
        request.setValue(accept, forHTTPHeaderField: "accept")
        return try await fetch(request)
    }

    private static func fetch(_ request: URLRequest) async throws -> WebAnswer {
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        var headers: [String: String] = [:]
        for (name, value) in http.allHeaderFields { headers["\(name)".lowercased()] = "\(value)" }
        return WebAnswer(status: http.statusCode, type: headers["content-type"] ?? "", headers: headers, body: data)
    }
}

/// A service in front of a model in another process.
@Deployment
distributed actor SegmentingFront: HTTPIngress {
    private let model: SegFormer

    init(model: SegFormer) {
        self.model = model
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let map = try await model.segment(try Image.decode(try await request.body.collect(), as: .rgb))
        return .text("\(map)")
    }
}
