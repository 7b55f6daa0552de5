internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveRuntime

#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

extension ApplicationArguments {
    /// The application with these arguments, and with its defaults for the others.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` if the application has no such argument, or it is of another
    ///   type.
    func applied<Application: ServeApplication>(to type: Application.Type) throws(ServeError) -> Application {
        let known = Self.schemas(of: type)
        var all = try Self.defaults(of: type)
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let schema = known[name] else {
                throw ServeError(
                    .invalidOptions,
                    "the application \(type.name) has no argument '\(name)'; \(NearestName.hint(for: name, among: known.keys))"
                )
            }
            all[name] = value.converted(to: schema)
        }
        do {
            return try JSONDecoder().decode(type, from: JSONEncoder().encode(JSONValue.object(all)))
        } catch let error as DecodingError {
            throw ServeError(
                .invalidOptions,
                "argument of \(type.name): \(ServeRequest.describe(error, of: "the arguments").message)"
            )
        } catch {
            throw ServeError(.invalidOptions, "the arguments of \(type.name) cannot be read: \(error)")
        }
    }

    /// The types of an application's arguments, by name.
    static func schemas(of type: any ServeApplication.Type) -> [String: JSONSchema] {
        guard case .object(let properties, _) = JSONSchema(decoding: type) else { return [:] }
        return properties
    }

    /// The defaults of an application's arguments, by name; arguments whose default is `nil` are not there.
    static func defaults<Application: ServeApplication>(
        of type: Application.Type
    ) throws(ServeError) -> [String: JSONValue] {
        do {
            return try values(of: type.init())
        } catch {
            throw ServeError(
                .invalidOptions,
                "the default arguments of \(type.name) cannot be written as JSON: \(error)"
            )
        }
    }

    /// The arguments that an application has.
    static func values(of application: some ServeApplication) throws -> [String: JSONValue] {
        try JSONDecoder().decode([String: JSONValue].self, from: JSONEncoder().encode(application))
    }
}

extension JSONValue {
    /// A text as the type that is expected, where it says a value of it; everything else as it is.
    fileprivate func converted(to schema: JSONSchema) -> JSONValue {
        guard case .string(let text) = self else { return self }
        switch schema {
        case .integer: return Int(text).map(JSONValue.integer) ?? self
        case .number: return Double(text).map(JSONValue.number) ?? self
        case .boolean: return ["true": .bool(true), "false": .bool(false)][text] ?? self
        case .string, .choice, .media: return self
        case .array, .object, .map, .any: return JSONValue(json: text) ?? self
        }
    }

    /// - Returns: `nil` for a text that is not JSON.
    fileprivate init?(json text: String) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else { return nil }
        self = value
    }
}
