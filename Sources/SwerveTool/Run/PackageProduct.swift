internal import Subprocess
internal import SwerveSystem

#if canImport(System)
    internal import System
#else
    internal import SystemPackage
#endif

/// A program as the package manager builds it: `PACKAGE/.build/[TRIPLE/]debug/NAME`.
struct PackageProduct: Equatable {
    /// The package's folder.
    let package: String
    let name: String
    /// `debug` or `release`.
    let configuration: String

    /// - Parameter executable: an absolute path.
    /// - Returns: `nil` for a path that the package manager does not use.
    init?(executable: String) {
        let parts = executable.split(separator: "/").map(String.init)
        guard let build = parts.lastIndex(of: ".build"), let name = parts.last else { return nil }
        let inside = parts[(build + 1)...].dropLast()
        guard let configuration = inside.last, ["debug", "release"].contains(configuration), inside.count <= 2 else {
            return nil
        }
        package = "/" + parts[..<build].joined(separator: "/")
        self.name = name
        self.configuration = configuration
    }

    /// The words of the command that builds it.
    var command: [String] {
        ["swift", "build", "--package-path", package, "--configuration", configuration, "--product", name, "--quiet"]
    }

    /// Builds it. What the compiler says goes to this process's output.
    ///
    /// - Throws: ``Failure`` if it does not build.
    func build() async throws {
        ThisProcess.flush()
        let status: TerminationStatus
        do {
            status = try await Subprocess.run(
                .name(command[0]),
                arguments: Arguments(Array(command.dropFirst())),
                output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
                error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
            ).terminationStatus
        } catch {
            throw Failure("'\(command.joined(separator: " "))' cannot be started: \(error)")
        }
        guard status.isSuccess else { throw Failure("\(name) does not build; see above") }
    }
}
