import SwerveController
import SwerveCore
import SwerveTracing
import Testing

@Suite struct WorkerSettingsTests {
    private static var settings: WorkerSettings {
        let deployment = DeploymentID(application: "app", deployment: "Model")
        return WorkerSettings(
            instance: InstanceID(rawValue: 7),
            replica: ReplicaID(deployment: deployment, number: 3),
            controllerAddress: "/run/a b/controller.sock",
            address: "/run/replica.sock",
            boardPath: "/run/replica.board"
        )
    }

    @Test func `a worker reads what its launcher wrote`() throws {
        var settings = Self.settings
        #expect(WorkerSettings(settings.text) == settings)
        settings.gpus = ["GPU-aaaa", "MIG-bbbb"]
        settings.group = "/sys/fs/cgroup/swerve-7-3"
        settings.memory = 1 << 30
        settings.maxSharedBytes = 5
        settings.limits = ProcessLimits(openFiles: 64, addressSpace: 1 << 40, processes: 16, fileSize: 0, coreSize: 1)
        #expect(WorkerSettings(settings.text) == settings)
        settings.tracing = try TracingSettings(
            TracingOptions(headers: ["a": "b"]),
            variable: { _ in nil },
            program: "p"
        )
        #expect(WorkerSettings(settings.text) == settings)
        for limit in [Duration.seconds(3), nil] {
            settings.http = HTTPSettings(
                maxBodyBytes: 1,
                maxHeadBytes: 2,
                maxBufferedBytes: 3,
                maxConnections: 4,
                idleTimeout: .milliseconds(5),
                requestTimeout: limit
            )
            #expect(WorkerSettings(settings.text) == settings)
        }
    }

    @Test(arguments: [
        "", "7", "7\n3\napp/Model\na\nb\nc", "7\n3\napp/Model\na\nb\nc\n\n\nmuch",
        "7\n3\napp/Model\na\nb\nc\n\n\n1\n2", "7\n3\napp/Model\na\nb\nc\n\n\n1\n2\n3",
        "7\n3\napp/Model\na\nb\nc\n\n\n1\n2\n\n3",
    ])
    func `other texts are no settings`(text: String) {
        #expect(WorkerSettings(text) == nil)
    }
}
