internal import NIOCore
package import SwerveCore

/// What `GET /api/v1/status` answers, and each `status` event says.
package struct StatusDocument: Sendable {
    package let facts: InstanceFacts
    package let status: ServeStatus
    package let json: AdminJSON

    package init(_ source: any AdminSource, _ status: ServeStatus) async {
        facts = await source.facts()
        self.status = status
        json = AdminJSON(at: facts.moment)
    }

    package func value() throws -> JSONValue {
        .object(["instance": try json.value(facts), "applications": try json.value(status.applications)])
    }
}
