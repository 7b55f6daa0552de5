public import SwerveCore

/// The status of an HTTP response: a number from 200 to 599 and its phrase.
public struct HTTPStatus: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible,
    ExpressibleByIntegerLiteral
{
    /// The number. A response with a status outside 200 to 599 is sent as 500.
    public let code: UInt16
    public var rawValue: UInt16 { code }

    public init(_ code: UInt16) {
        self.code = code
    }

    public init(rawValue: UInt16) {
        self.code = rawValue
    }

    public init(integerLiteral value: UInt16) {
        self.code = value
    }

    public static let ok: HTTPStatus = 200
    public static let created: HTTPStatus = 201
    public static let accepted: HTTPStatus = 202
    public static let noContent: HTTPStatus = 204
    public static let movedPermanently: HTTPStatus = 301
    public static let found: HTTPStatus = 302
    public static let notModified: HTTPStatus = 304
    public static let temporaryRedirect: HTTPStatus = 307
    public static let badRequest: HTTPStatus = 400
    public static let unauthorized: HTTPStatus = 401
    public static let forbidden: HTTPStatus = 403
    public static let notFound: HTTPStatus = 404
    public static let methodNotAllowed: HTTPStatus = 405
    public static let notAcceptable: HTTPStatus = 406
    public static let requestTimeout: HTTPStatus = 408
    public static let conflict: HTTPStatus = 409
    public static let contentTooLarge: HTTPStatus = 413
    public static let unsupportedMediaType: HTTPStatus = 415
    public static let unprocessableContent: HTTPStatus = 422
    public static let tooManyRequests: HTTPStatus = 429
    public static let internalServerError: HTTPStatus = 500
    public static let notImplemented: HTTPStatus = 501
    public static let badGateway: HTTPStatus = 502
    public static let serviceUnavailable: HTTPStatus = 503
    public static let gatewayTimeout: HTTPStatus = 504

    /// The phrase that follows the number on the status line, such as `Not Found`; "Unknown" for numbers without one.
    public var reasonPhrase: String { "\(Self.phrase(of: code))" }
    public var description: String { "\(code) \(reasonPhrase)" }

    /// The status for a failure of Swerve itself: 400 no model named, 404 not found, 413 too large, 422 bad input, 502 replica lost, 503
    /// shed or not available, 504 too late, and 500 for the rest.
    public init(for error: ServeError) {
        self =
            switch error.code {
            case .notFound, .modelNotFound: .notFound
            case .missingModelID: .badRequest
            case .deadlineExceeded: .gatewayTimeout
            case .tooLarge: .contentTooLarge
            case .invalidArgument: .unprocessableContent
            case .replicaLost: .badGateway
            case .tooManyRequests: .tooManyRequests
            case .queueFull, .overloaded, .unavailable, .deleted, .shutDown, .notRunning, .startFailed:
                .serviceUnavailable
            default: .internalServerError
            }
    }

    /// After how many seconds a client should try again; `nil` for failures that do not say so.
    package static func retryAfter(for error: ServeError) -> Int? {
        if let time = error.retryAfter { return wholeSeconds(time) }
        return switch error.code {
        case .queueFull, .overloaded, .shutDown: 1
        case .unavailable, .startFailed: 5
        default: nil
        }
    }

    /// The time in seconds, rounded up, and at least 1.
    package static func wholeSeconds(_ time: Duration) -> Int {
        max(1, Int(clamping: (time.nanoseconds - 1) / 1_000_000_000 + 1))
    }

    package static func phrase(of code: UInt16) -> StaticString {
        switch code {
        case 100: "Continue"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 203: "Non-Authoritative Information"
        case 204: "No Content"
        case 205: "Reset Content"
        case 206: "Partial Content"
        case 300: "Multiple Choices"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 418: "I'm a teapot"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 424: "Failed Dependency"
        case 425: "Too Early"
        case 426: "Upgrade Required"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 451: "Unavailable For Legal Reasons"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 507: "Insufficient Storage"
        case 511: "Network Authentication Required"
        default: "Unknown"
        }
    }
}
