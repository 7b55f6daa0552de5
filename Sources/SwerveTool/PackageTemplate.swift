/// The files of a new package.
struct PackageTemplate {
    let name: String
    /// A path or an address.
    let swerve: String

    /// What is wrong with a name, or `nil`.
    static func problem(with name: String) -> String? {
        let isWord = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
        guard let first = name.first, first.isLetter, isWord, name.utf8.count <= 64 else {
            return "'\(name)' cannot be a package's name: use a letter, then letters, digits, '-' and '_', at most 64"
        }
        return ["swerve", "swift", "foundation"].contains(name.lowercased())
            ? "a package named '\(name)' would hide the library of that name" : nil
    }

    /// The type of the application: `my-app` becomes `MyApp`.
    var typeName: String {
        name.split { $0 == "-" || $0 == "_" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private var dependency: String {
        swerve.contains("://") || swerve.contains("@")
            ? #".package(url: "\#(swerve)", branch: "main")"# : #".package(name: "swerve", path: "\#(swerve)")"#
    }

    /// By path.
    var files: [(path: String, text: String)] {
        [("Package.swift", package), ("Sources/\(name)/\(typeName).swift", source), (".gitignore", ".build/\n")]
    }

    private var package: String {
        """
        // swift-tools-version: 6.2
        import PackageDescription

        let package = Package(
            name: "\(name)",
            dependencies: [\(dependency)],
            targets: [
                .executableTarget(name: "\(name)", dependencies: [.product(name: "Swerve", package: "swerve")])
            ]
        )

        """
    }

    private var source: String {
        """
        import Swerve

        /// The application. Its properties are its arguments: `swift run \(name) run greeting=Hi`.
        @main struct \(typeName)Application: ServeApplication {
            static let name = "\(name)"

            var greeting = "Hello"

            func application() -> Front {
                Front.bind(greeter: Greeter.bind(greeting: greeting))
            }
        }

        @Deployment(numReplicas: 2)
        distributed actor Greeter {
            private let greeting: String

            init(greeting: String) {
                self.greeting = greeting
            }

            distributed func greet(_ name: String) -> String { "\\(greeting), \\(name)" }
        }

        @Deployment
        distributed actor Front: HTTPIngress {
            private let greeter: Greeter

            init(greeter: Greeter) {
                self.greeter = greeter
            }

            func respond(to request: ServeRequest) async throws -> ServeResponse {
                .text(try await greeter.greet(request.queryValue("name") ?? "you") + "\\n")
            }
        }

        """
    }
}
