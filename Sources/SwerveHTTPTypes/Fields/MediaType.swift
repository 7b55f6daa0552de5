/// A media type, such as `image/png` or `text/plain; charset=utf-8` (RFC 9110, section 8.3.1).
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
    /// The type and the subtype in lower case, without parameters.
    public let essence: String
    private let fields: [FieldList.Parameter]

    /// Reads a media type; `nil` if the text is none, or several. Of malformed parameters, such as one without a value,
    /// only those before count.
    public init?(_ text: String) {
        guard let (member, isOnly) = FieldList.first(of: text), isOnly else { return nil }
        self.init(member)
    }

    /// Reads the first media type of a header that a client or a proxy joined from several lines.
    init?(firstOf header: String) {
        guard let (member, _) = FieldList.first(of: header) else { return nil }
        self.init(member)
    }

    private init?(_ member: FieldList.Member) {
        guard member.value.contains("/") else { return nil }
        essence = member.value
        fields = member.parameters
    }

    private init(essence: String) {
        self.essence = essence
        self.fields = []
    }

    /// The value of a parameter, such as `charset` or `boundary`. Names are compared without regard to case.
    public subscript(parameter name: String) -> String? {
        fields.first { $0.name == name.lowercased() }?.value
    }

    /// Whether it is JSON: `application/json`, `text/json`, or a type that ends with `+json`.
    public var isJSON: Bool {
        essence == Self.json.essence || essence == "text/json" || essence.hasSuffix("+json")
    }

    /// The media type as it is written in a header.
    public var description: String {
        essence + fields.map { "; \($0.name)=\(Self.written($0.value))" }.joined()
    }

    /// A value of a parameter: in quotes unless it is a token.
    private static func written(_ value: String) -> String {
        if !value.isEmpty, value.utf8.allSatisfy(HTTPBytes.isToken) { return value }
        return "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    public static let json = MediaType(essence: "application/json")
    public static let text = MediaType(essence: "text/plain")
    public static let octetStream = MediaType(essence: "application/octet-stream")
    public static let eventStream = MediaType(essence: "text/event-stream")
    public static let jsonLines = MediaType(essence: "application/x-ndjson")
    public static let form = MediaType(essence: "application/x-www-form-urlencoded")
    public static let multipartForm = MediaType(essence: "multipart/form-data")
    public static let png = MediaType(essence: "image/png")
    public static let jpeg = MediaType(essence: "image/jpeg")
    public static let webP = MediaType(essence: "image/webp")
    /// A NumPy array, `.npy`.
    public static let array = MediaType(essence: "application/x-npy")
}

extension ServeRequest {
    /// The media type of the body, the first one if there are several; `nil` if the client names none, or no valid one.
    public var contentType: MediaType? { headers["content-type"].flatMap(MediaType.init(firstOf:)) }

    /// Chooses the media type of the answer by the request's `Accept` (RFC 9110, section 12.5.1).
    ///
    /// The offer with the highest weight wins. Of equal weights, the one that `Accept` names most precisely wins (its
    /// type before `image/*` before `*/*`), and then the one offered first. A client whose `Accept` names none of the
    /// offers gets the first one.
    ///
    /// Caches must know that the answer depends on the header: pass it on with ``ServeResponse/varying(by:)``, as in
    /// `response.varying(by: "accept")`.
    ///
    /// - Parameter offers: what the answer can be, the default first; at least one.
    /// - Throws: ``ServeHTTPError`` with status 406 if `Accept` names none of the offers and excludes the default with
    ///   `q=0`.
    public func accepted(of first: MediaType, _ others: MediaType...) throws(ServeHTTPError) -> MediaType {
        let offers = [first] + others
        let lines = headers.values(of: "accept")
        guard !lines.isEmpty else { return first }
        let ranges = FieldList(lines).members
        guard !ranges.isEmpty else { return first }
        let ratings = offers.map { Self.rating(of: $0, by: ranges) }
        var best: Int?
        for (index, rating) in ratings.enumerated() {
            guard let rating, rating.weight > 0 else { continue }
            guard let other = best.flatMap({ ratings[$0] }) else {
                best = index
                continue
            }
            if (rating.weight, rating.precision) > (other.weight, other.precision) { best = index }
        }
        if let best { return offers[best] }
        if ratings[0] == nil { return first }
        let names = offers.map(\.essence).joined(separator: ", ")
        throw ServeHTTPError(.notAcceptable, "the answer can be \(names), and 'accept' excludes all of them")
    }

    private struct Rating {
        let weight: Int
        /// 0 for `*/*`, 1 for a whole type, 2 for the type itself, 3 with its parameters.
        let precision: Int
    }

    /// What the most precise range that covers the type says; `nil` if none covers it.
    private static func rating(of type: MediaType, by ranges: [FieldList.Member]) -> Rating? {
        var best: Rating?
        for range in ranges {
            guard let precision = precision(of: range, for: type) else { continue }
            if let best, best.precision >= precision { continue }
            best = Rating(weight: range.weight, precision: precision)
        }
        return best
    }

    private static func precision(of range: FieldList.Member, for type: MediaType) -> Int? {
        if range.value == "*/*" || range.value == "*" { return 0 }
        if range.value.hasSuffix("/*") { return type.essence.hasPrefix(range.value.dropLast()) ? 1 : nil }
        guard range.value == type.essence else { return nil }
        // A parameter that the offer does not have, such as `charset`, does not exclude it.
        for parameter in range.parameters {
            guard let own = type[parameter: parameter.name] else { continue }
            if own.lowercased() != parameter.value.lowercased() { return nil }
        }
        return range.parameters.isEmpty ? 2 : 3
    }
}
