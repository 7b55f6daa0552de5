import Foundation
import Testing

@testable import SwerveTool

@Suite struct StatusTableTests {
    private func report(_ deployments: String) throws -> StatusReport {
        let text = """
            {"instance": {"process_id": 7, "http": {"host": "127.0.0.1", "port": 80}},
             "applications": {"seg": {"state": "deploying", "message": "", "route_prefix": "/s",
             "deployments": {\(deployments)}}}}
            """
        return try JSONDecoder().decode(StatusReport.self, from: Data(text.utf8))
    }

    private static let model = """
        "Model": {"state": "updating", "message": "slow\\nvery slow", "target": {"replicas": 2}, "replicas": [
          {"id": "seg/Model#4", "state": "running", "process_id": 12}, {"id": "seg/Model#5", "state": "starting"}]}
        """

    @Test func `columns are aligned, and a message has its first line`() throws {
        let table = StatusTable(try report(Self.model), showsReplicas: true)
        #expect(
            table.lines(width: nil, usesColours: false) == [
                "NAME     STATE      REPLICAS  ROUTE  MESSAGE",
                "seg      deploying            /s",
                "  Model  updating   1/2              slow",
                "    #4   running    pid 12",
                "    #5   starting",
            ]
        )
    }

    @Test func `a pending replica's reason takes the place of the message`() throws {
        let pending = Self.model.dropLast() + #", "pending": {"count": 1, "reason": "needs 2 cpu"}}"#
        let lines = StatusTable(try report(String(pending)), showsReplicas: false).lines(width: nil, usesColours: false)
        #expect(lines.last?.hasSuffix("1 pending: needs 2 cpu") == true)
    }

    @Test func `no line is longer than the terminal is wide`() throws {
        let lines = StatusTable(try report(Self.model), showsReplicas: true).lines(width: 20, usesColours: false)
        #expect(lines.allSatisfy { $0.count <= 20 })
        #expect(lines[2] == "  Model  updating   1".prefix(17))
    }

    @Test func `colours mark states and nothing else`() throws {
        let lines = StatusTable(try report(Self.model), showsReplicas: true).lines(width: nil, usesColours: true)
        #expect(lines[3].contains("\u{1B}[32mrunning"))
        #expect(lines[4].contains("\u{1B}[33mstarting"))
        #expect(lines[3].components(separatedBy: "\u{1B}").count == 3)
    }

    @Test func `a status is settled when every application runs or has failed for good`() throws {
        #expect(try report(Self.model).isSettled == false)
        var settled = try report(Self.model)
        settled.applications["seg"]?.state = "deployFailed"
        #expect(settled.isSettled && !settled.isHealthy)
        settled.applications["seg"]?.state = "running"
        #expect(settled.isSettled && settled.isHealthy)
    }
}
