internal import ArgumentParser
internal import SwerveSystem

/// `swerve new`: writes a package that builds and serves.
struct New: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a package with an application that builds and serves.",
        discussion: "Then: cd NAME && swift run NAME"
    )

    @Argument(help: "The package's name: a letter, then letters, digits, '-' and '_'. It is also the folder.")
    var name: String

    @Option(help: "The path of a checkout of Swerve, or the address of its repository.")
    var swerve: String = New.ownCheckout ?? ""

    /// The checkout that this program was built from, if it is still there.
    private static var ownCheckout: String? {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        return FileSystem.isFile("\(folder)/Package.swift") ? folder : nil
    }

    func validate() throws {
        if let problem = PackageTemplate.problem(with: name) { throw ValidationError(problem) }
        if swerve.isEmpty { throw ValidationError("say where Swerve is: --swerve PATH or --swerve ADDRESS") }
    }

    func run() async throws {
        guard !FileSystem.exists(name) else {
            throw Failure("'\(name)' is there already; choose another name or remove it")
        }
        for (path, text) in PackageTemplate(name: name, swerve: swerve).files {
            let file = "\(name)/\(path)"
            try FileSystem.makeFolders(file.split(separator: "/").dropLast().joined(separator: "/"))
            try FileSystem.write(Array(text.utf8), to: file, mode: 0o644)
        }
        print(
            """
            Made the package \(name). Next:
              cd \(name)
              swift run \(name)                                  # the first build takes some minutes
              curl 'http://localhost:8000/?name=Ada'             # Hello, Ada
            """
        )
    }
}
