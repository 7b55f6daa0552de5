internal import NIOCore
package import SwerveCore

/// A coding of content that Swerve undoes (RFC 9110, section 8.4.1).
package enum ContentCoding: Hashable, Sendable {
    /// gzip, of one or several members.
    case gzip
    /// Data in the zlib format, as the standard asks for, or without its frame, as many clients send it.
    case deflate

    /// The value of `accept-encoding` that tells a client what it may send.
    package static let acceptedList = "gzip, deflate"
    /// The most codings that are undone one after another, not counting `identity`. A request with more is refused.
    package static let maximumListed = 3

    private init?(name: String) {
        switch name {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: return nil
        }
    }

    /// The codings that a request's `content-encoding` lists, in the order in which the client applied them.
    package static func listed(in headers: HTTPRequestHeaders) throws(UnsupportedContentCoding) -> [ContentCoding] {
        var codings: [ContentCoding] = []
        for value in headers.values(of: "content-encoding") {
            for item in value.split(separator: ",") {
                let name = String(item.drop(while: isBlank).reversed().drop(while: isBlank).reversed()).lowercased()
                if name.isEmpty || name == "identity" { continue }
                guard let coding = ContentCoding(name: name) else { throw UnsupportedContentCoding(name) }
                guard codings.count < maximumListed else { throw UnsupportedContentCoding(value, isTooLong: true) }
                codings.append(coding)
            }
        }
        return codings
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
}

/// How coded content is decoded.
package struct ContentDecoding: Hashable, Sendable {
    /// In the order in which the client applied them.
    package var codings: [ContentCoding]
    /// How many times as large as the sent content the decoded one may be.
    package var maximumRatio: Int

    package init(codings: [ContentCoding], maximumRatio: Int) {
        self.codings = codings
        self.maximumRatio = maximumRatio
    }

    /// Content may decode to this many bytes whatever the ratio: 1 MiB. So a small form of zeros is no bomb.
    package static let alwaysAllowedBytes = 1 << 20

    /// How many times as large as the sent content it may be while it still has a coding, with the other ones undone.
    package static let maximumInnerRatio = 4
    /// While it still has a coding, content may be this large whatever the ratio: 64 KiB.
    package static let alwaysAllowedInnerBytes = 64 << 10
}

/// A request whose `content-encoding` Swerve cannot undo. Answered with 415 and an `accept-encoding` that says what it
/// can.
package struct UnsupportedContentCoding: Error, Hashable, Sendable {
    package let message: String

    init(_ coding: String, isTooLong: Bool = false) {
        let shown = coding.prefix(40)
        message =
            isTooLong
            ? "the content-encoding '\(shown)' lists more than \(ContentCoding.maximumListed) codings"
            : "the content-encoding '\(shown)' is not supported; send \(ContentCoding.acceptedList) or none"
    }
}

extension ServeRequest {
    /// The request with a body that decodes itself while it is read, and without the headers that describe the coded
    /// content. A request without content, or without codings, stays as it is.
    ///
    /// - Throws: ``UnsupportedContentCoding``, before any of the body is read.
    package func decodingContent(
        _ options: DeploymentOptions.RequestDecoding
    ) throws(UnsupportedContentCoding) -> ServeRequest {
        guard head.flags.hasContentEncoding, let ratio = options.maximumRatio else { return self }
        if let bytes = body.completeBytes, bytes.readableBytes == 0 { return self }
        let codings = try ContentCoding.listed(in: sentHeaders)
        guard !codings.isEmpty else { return self }
        var decodedHead = head
        decodedHead.flags.isContentDecoded = true
        return ServeRequest(
            head: decodedHead,
            body: HTTPBody(body, decoding: ContentDecoding(codings: codings, maximumRatio: ratio))
        )
    }
}
