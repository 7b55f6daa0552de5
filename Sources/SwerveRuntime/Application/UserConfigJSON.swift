internal import SwerveActors
internal import SwerveConfig
internal import SwerveCore
internal import SwerveHTTPTypes

#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

extension ApplicationBuilder {
    /// Writes a user configuration that is given as JSON in the deployment's own type.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` if the deployment takes no configuration, or one of another
    ///   shape.
    static func encode(
        _ json: JSONValue,
        of type: any Deployment.Type,
        _ id: DeploymentID,
        to writer: BinaryWriter
    ) throws {
        func encode<D: Reconfigurable>(_ type: D.Type) throws {
            let config: D.UserConfig
            do {
                config = try JSONDecoder().decode(D.UserConfig.self, from: Data(json.json.utf8))
            } catch let error as DecodingError {
                let reason = ServeRequest.describe(error, of: "the configuration").message
                throw ServeError(.invalidOptions, "user configuration of '\(id.deployment)': \(reason)", deployment: id)
            }
            try writer.region(config)
        }
        guard let type = type as? any Reconfigurable.Type else {
            throw ServeError(
                .invalidOptions,
                "deployment '\(id.deployment)' takes no user configuration: \(type) is not Reconfigurable",
                deployment: id
            )
        }
        try encode(type)
    }

    /// A user configuration as JSON that a configuration file could give.
    ///
    /// - Parameters:
    ///   - config: the program's.
    ///   - given: the one of a configuration file, which takes its place.
    /// - Returns: `nil` without a configuration, and for one that JSON cannot express, such as one with handles in it.
    static func shown(_ config: (any Codable & Sendable)?, _ given: JSONValue?) -> ShownUserConfig? {
        if let given { return ShownUserConfig(given.json) }
        guard let config else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(config) else { return nil }
        return ShownUserConfig(String(decoding: data, as: UTF8.self))
    }
}

extension ApplicationSpec {
    /// The user configurations that can be shown, by deployment.
    var shownUserConfigs: [String: JSONValue] {
        deployments.reduce(into: [:]) { found, deployment in
            guard let json = deployment.shownUserConfig?.json else { return }
            found[deployment.id.deployment] = try? JSONValue(parsing: json)
        }
    }
}
