import Testing

@Suite struct FunctionExpansionTests {
    @Test func aFunction() {
        expectExpansion(
            of: """
                /// Sharpens.
                @FunctionDeployment(numReplicas: 3)
                public func sharpen(_ image: Image, sharpen: Int = 8) async throws {}
                """,
            """
            /// Sharpens.
            public func sharpen(_ image: Image, sharpen: Int = 8) async throws {}

            /// Sharpens.
            @SwerveMacros.Deployment(numReplicas: 3)
            public distributed actor sharpenDeployment {
                public init(actorSystem: SwerveActors.ServeSystem) {
                    self.actorSystem = actorSystem
                }
                /// Sharpens.
                public distributed func callAsFunction(_ image: Image, sharpen argument1: Int = 8) async throws {
                    try await sharpen(image, sharpen: argument1)
                }
            }
            """
        )
    }

    @Test func aStaticMainActorFunctionInAPublicExtension() {
        expectExpansion(
            of: """
                public extension Tools {
                    @FunctionDeployment @MainActor @discardableResult static func `repeat`() -> Int { 1 }
                }
                """,
            """
            public extension Tools {
                @MainActor @discardableResult static func `repeat`() -> Int { 1 }

                @SwerveMacros.Deployment
                public distributed actor repeatDeployment {
                    public init(actorSystem: SwerveActors.ServeSystem) {
                        self.actorSystem = actorSystem
                    }
                    @discardableResult
                    public distributed func callAsFunction() async -> Int {
                        await `repeat`()
                    }
                }
            }
            """
        )
    }
}
