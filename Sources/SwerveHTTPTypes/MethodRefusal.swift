extension ServeResponse {
    /// The answer to a method that a path does not answer: 204 for `OPTIONS` and 405 for a standard method, both with
    /// `allow`; 501 for a method that HTTP does not know.
    ///
    /// - Parameters:
    ///   - allowed: what the path answers; `GET` includes `HEAD`.
    ///   - known: methods that other paths answer.
    package static func refusing(
        _ method: HTTPMethod,
        allowed: [HTTPMethod],
        known: [HTTPMethod] = []
    ) -> ServeResponse {
        if !HTTPMethod.standard.contains(method), !known.contains(method) {
            return .error(.notImplemented, "the method '\(method.rawValue.prefix(40))' is not known here")
        }
        let names = (allowed + (allowed.contains(.get) ? [.head] : []) + [.options]).map(\.rawValue)
        let allow = Set(names).sorted().joined(separator: ", ")
        var response =
            method == .options
            ? ServeResponse(status: .noContent)
            : .error(.methodNotAllowed, "\(method) is not allowed here; the path answers \(allow)")
        response.headers.add("allow", allow)
        return response
    }
}
