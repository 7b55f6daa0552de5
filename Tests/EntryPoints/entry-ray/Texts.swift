import Swerve

/// A summary of a text, translated.
struct Texts: ServeApplication {
    static let name = "text_ml.app"

    func application() -> Summarizer { Summarizer.bind(translator: Translator.bind()) }
}

/// Keeps the first clauses of a text.
@Deployment
distributed actor Summarizer: HTTPIngress, Reconfigurable {
    struct UserConfig: Codable, Sendable {
        private enum CodingKeys: String, CodingKey {
            case shortest = "min_length"
            case longest = "max_length"
        }
        var shortest: Int?
        var longest: Int?
    }
    private let translator: Translator
    private var lengths = 5...15

    init(translator: Translator) {
        self.translator = translator
    }

    func reconfigure(_ config: UserConfig) {
        let shortest = config.shortest ?? 5
        lengths = shortest...max(shortest, config.longest ?? 15)
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        .text(try await translator.translate(summary(of: try await request.decodeJSON(String.self))))
    }

    /// The clauses that together have no more words than the greatest length; the first words if that is too little.
    private func summary(of text: String) -> String {
        var clauses: [String] = []
        var length = 0
        for clause in text.split(separator: ", ") {
            length += clause.split(separator: " ").count
            guard length <= lengths.upperBound else { break }
            clauses.append(String(clause))
        }
        let summary = clauses.joined(separator: ", ")
        if summary.split(separator: " ").count >= lengths.lowerBound { return summary }
        return text.split(separator: " ").prefix(lengths.upperBound).joined(separator: " ")
    }
}

/// Translates phrase by phrase, out of a small book.
@Deployment
distributed actor Translator: Reconfigurable {
    struct UserConfig: Codable, Sendable {
        var language: String?
    }
    private static let books = [
        "french": [
            "it was the": "c'était le", "best of times": "meilleur des temps", "worst of times": "pire des temps",
        ],
        "german": ["it was the": "es war die", "best of times": "beste Zeit", "worst of times": "schlimmste Zeit"],
        "romanian": [
            "it was the": "a fost", "best of times": "cea mai bună vreme", "worst of times": "cea mai rea vreme",
        ],
    ]
    private var language = "french"

    init() {}

    func reconfigure(_ config: UserConfig) {
        let wanted = (config.language ?? "french").lowercased()
        if Self.books[wanted] != nil { language = wanted }
    }

    distributed func translate(_ text: String) -> String {
        text.split(separator: ", ").map { translate(words: $0.lowercased().split(separator: " ")) }
            .joined(separator: ", ")
    }

    /// The longest phrase of the book first; a word that it does not have stays.
    private func translate(words: [Substring]) -> String {
        let book = Self.books[language] ?? [:]
        var translated: [String] = []
        var rest = words[...]
        while let word = rest.first {
            let length = (1...rest.count).last { book[rest.prefix($0).joined(separator: " ")] != nil }
            translated.append(length.flatMap { book[rest.prefix($0).joined(separator: " ")] } ?? String(word))
            rest = rest.dropFirst(length ?? 1)
        }
        return translated.joined(separator: " ")
    }
}
