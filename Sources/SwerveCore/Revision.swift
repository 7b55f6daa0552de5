/// The part of a deployment's specification that makes a replica stale when it changes: a replica of one revision can
/// never become one of another.
///
/// A change of a specification has one of three effects, the heaviest that applies:
///
/// | what changed | effect |
/// |---|---|
/// | a part of ``Revision`` | replicas are replaced |
/// | a part of ``Configuration`` | replicas are reconfigured in place |
/// | anything else | the controller uses the new value from now on |
package struct Revision: Hashable, Sendable, Codable {
    package let build: String
    package let environment: RuntimeEnvironment?
    package let workingDirectory: String?
    package let typeName: String
    package let arguments: [UInt8]
    package let placement: DeploymentOptions.Placement
    /// A process gets the listening socket when it starts.
    package let directIngress: Bool
    package let resources: Resources
    package let execution: DeploymentOptions.Execution
    package let maxReplicasPerNode: Int?
    /// A replica cannot forget a user configuration, so without one it has to be started anew.
    package let hasUserConfig: Bool
}

/// The part of a deployment's specification that a running replica takes over in place.
package struct Configuration: Hashable, Sendable, Codable {
    package let userConfig: [UInt8]?
    package let maxOngoingRequests: Int
    package let compression: DeploymentOptions.Compression
    package let requestDecoding: DeploymentOptions.RequestDecoding
}

extension DeploymentSpec {
    package var revision: Revision {
        Revision(
            build: build,
            environment: environment,
            workingDirectory: workingDirectory,
            typeName: typeName,
            arguments: arguments,
            placement: options.placement,
            directIngress: options.directIngress,
            resources: options.resources,
            execution: options.execution,
            maxReplicasPerNode: options.maxReplicasPerNode,
            hasUserConfig: userConfig != nil
        )
    }

    package var configuration: Configuration {
        Configuration(
            userConfig: userConfig,
            maxOngoingRequests: options.maxOngoingRequests,
            compression: options.compression,
            requestDecoding: options.requestDecoding
        )
    }

    /// Whether a replica of one spec is, as it is, a replica of the other.
    package func isEquivalent(to other: DeploymentSpec) -> Bool {
        revision == other.revision && configuration == other.configuration
    }
}
