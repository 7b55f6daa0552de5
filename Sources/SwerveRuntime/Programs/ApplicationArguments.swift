package import SwerveCore

/// The arguments of a ``ServeApplication``, as a deploy gives them.
package struct ApplicationArguments: Hashable, Sendable, Codable {
    /// By name; arguments that are not there have their defaults.
    package var values: [String: JSONValue]

    package init(_ values: [String: JSONValue] = [:]) {
        self.values = values
    }

    /// Reads `name=value` words. Values are texts, which become what the application expects.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` for a word without `=` or without a name, or a name that comes
    ///   twice.
    package init(words: [String]) throws(ServeError) {
        values = [:]
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw ServeError(.invalidOptions, "'\(word)' is not an argument: write NAME=VALUE")
            }
            let name = String(word[..<equals])
            let value = JSONValue.string(String(word[word.index(after: equals)...]))
            guard values.updateValue(value, forKey: name) == nil else {
                throw ServeError(.invalidOptions, "the argument '\(name)' is given twice")
            }
        }
    }
}
