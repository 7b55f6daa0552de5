/// What a client says about the codings of an answer (RFC 9110, section 12.5.3).
struct AcceptEncoding {
    private var gzip: Double?
    private var identity: Double?
    private var others: Double?

    /// - Parameter values: the values of the header's lines.
    init(_ values: [String]) {
        for item in values.flatMap({ $0.split(separator: ",") }) {
            let parts = item.split(separator: ";", omittingEmptySubsequences: false).map {
                $0.filter { $0 != " " && $0 != "\t" }.lowercased()
            }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            switch parts.first {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, weight)
            case "identity": identity = weight
            case "*": others = weight
            default: break
            }
        }
    }

    /// Whether gzip is accepted, and not less welcome than the plain content where the client says so.
    var prefersGzip: Bool {
        let weight = gzip ?? others ?? 0
        return weight > 0 && weight >= identity ?? 0
    }
}
