internal import NIOCore
package import SwerveCore

/// What `GET /api/v1/status` answers, and each `status` event says.
package struct StatusDocument: Sendable {
    package let facts: InstanceFacts
    package let status: ServeStatus
    package let json: AdminJSON

    package init(_ source: any AdminSource, _ status: ServeStatus, _ time: AdminTime) async {
        facts = await source.facts()
        self.status = status
        json = AdminJSON(at: AdminJSON.Moment(monotonic: facts.now, wall: time.wall()))
    }

    package func value() throws -> JSONValue {
        .object(["instance": try json.value(facts), "applications": try json.value(status.applications)])
    }
}
