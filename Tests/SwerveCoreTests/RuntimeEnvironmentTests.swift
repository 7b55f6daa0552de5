import SwerveCore
import Testing

/// What processes of replicas run in.
@Suite struct RuntimeEnvironmentTests {
    private func problem(_ environment: RuntimeEnvironment) -> String? {
        do {
            try DeploymentOptions(runtimeEnvironment: environment).validate(deployment: "D")
            return nil
        } catch {
            #expect(error.code == .invalidOptions)
            return error.message
        }
    }

    @Test func `the names and values of variables are checked`() {
        for name in ["A", "a.b", "größe", "A B"] { #expect(problem(.init(variables: [name: "=\n"])) == nil) }
        for name in ["", "A=B", "A\0"] {
            #expect(
                problem(.init(variables: [name: ""]))?.contains("cannot be the name of an environment variable") == true
            )
        }
        #expect(
            problem(.init(variables: ["SWERVE_X": ""]))
                == "deployment 'D': the variable 'SWERVE_X' is reserved: names that begin with SWERVE_ are the instance's"
        )
        #expect(
            problem(.init(variables: ["A": "x\0y"]))
                == "deployment 'D': the value of the variable 'A' contains a NUL byte"
        )
    }

    @Test func `logs of an environment on top come field by field`() {
        var outer = RuntimeEnvironment()
        outer.logs = ProcessLogs(format: "json", level: "error")
        var inner = RuntimeEnvironment()
        #expect(outer.with(inner).logs == outer.logs)
        inner.logs = ProcessLogs(level: "debug")
        #expect(outer.with(inner).logs == ProcessLogs(format: "json", level: "debug"))
        #expect(RuntimeEnvironment().with(inner).logs == inner.logs)
        #expect(!inner.isEmpty)
    }

    @Test func `variables have limits`() {
        let most = RuntimeEnvironment.maximumVariableBytes
        #expect(problem(.init(variables: ["A": String(repeating: "x", count: most - 2)])) == nil)
        #expect(
            problem(.init(variables: ["A": String(repeating: "x", count: most - 1)]))
                == "deployment 'D': the variable 'A' has \(most + 1) bytes; at most \(most) are possible"
        )
        let large = String(repeating: "x", count: 120_000)
        let many = Dictionary(uniqueKeysWithValues: (0..<9).map { ("A\($0)", large) })
        #expect(problem(.init(variables: many))?.contains("bytes together; at most 1048576 are possible") == true)
        let count = RuntimeEnvironment.maximumVariables + 1
        let names = Dictionary(uniqueKeysWithValues: (0..<count).map { ("A\($0)", "") })
        #expect(problem(.init(variables: names))?.contains("there are \(count) variables") == true)
    }

    @Test func `what is left out belongs to the working directory of the same environment`() {
        let outer = RuntimeEnvironment(workingDirectory: "a", excludes: ["*.ckpt"])
        #expect(outer.with(RuntimeEnvironment(variables: ["A": "1"])).excludes == ["*.ckpt"])
        #expect(outer.with(RuntimeEnvironment(excludes: ["/b"])).excludes == ["/b"])
        #expect(outer.with(RuntimeEnvironment(excludes: [])).excludes == [])
        #expect(outer.with(RuntimeEnvironment(workingDirectory: "b")).excludes == nil)
        #expect(outer.with(RuntimeEnvironment(workingDirectory: "b", excludes: ["/b"])).excludes == ["/b"])
        #expect(!RuntimeEnvironment(excludes: ["a"]).isEmpty)
    }

    @Test func `patterns of what is left out are checked, and need a working directory in the end`() {
        #expect(problem(.init(workingDirectory: "a", excludes: ["*.ckpt", "!b.ckpt"])) == nil)
        #expect(
            problem(.init(workingDirectory: "a", excludes: ["b", ""]))
                == "deployment 'D': the pattern '' of what is left out is empty; leave it out"
        )
        let many = [String](repeating: "a", count: RuntimeEnvironment.maximumExcludes + 1)
        #expect(problem(.init(workingDirectory: "a", excludes: many))?.contains("there are 1001 patterns") == true)
        for folder in ["/srv/app", "/srv/app/", "file:///srv/app"] {
            #expect(
                problem(.init(workingDirectory: folder, excludes: ["/srv/app/data"]))
                    == "deployment 'D': the pattern '/srv/app/data' of what is left out is a path of the machine; patterns "
                    + "begin at the working directory: write '/data'"
            )
        }
        #expect(problem(.init(workingDirectory: "/srv/app", excludes: ["/srv/apps"])) == nil)
        let alone = RuntimeEnvironment(excludes: ["a"])
        #expect(alone.problem() == nil)
        #expect(alone.problemOnItsOwn()?.contains("there is no working directory") == true)
        #expect(RuntimeEnvironment(excludes: []).problemOnItsOwn() == nil)
        #expect(RuntimeEnvironment(workingDirectory: "a", excludes: ["a"]).problemOnItsOwn() == nil)
    }

    @Test(arguments: [
        ("assets", "assets"), ("/srv/a b", "/srv/a b"), ("file:///srv/a%20b", "/srv/a b"), ("FILE://localhost/x", "/x"),
        ("./a:b", "./a:b"),
    ])
    func `a working directory is a path or a file URI`(text: String, path: String) throws {
        #expect(try RuntimeEnvironment.path(of: text) == path)
    }

    @Test(arguments: [
        "", "https://example.com/a.zip", "s3://bucket/a", "gcs://_ray_pkg.zip", "file://host/a", "file://a",
        "file:///a%2",
        "file:///a%00b", "a\0b", String(repeating: "a", count: 5000),
    ])
    func `nothing is fetched`(text: String) {
        let error = #expect(throws: ServeError.self) { try RuntimeEnvironment.path(of: text) }
        #expect(error?.code == .invalidOptions)
    }

    @Test func `limits below what a worker needs are refused`() {
        #expect(problem(.init(limits: ProcessLimits(openFiles: 64, addressSpace: 1 << 30, processes: 16))) == nil)
        #expect(
            problem(.init(limits: ProcessLimits(openFiles: 63)))
                == "deployment 'D': the limit openFiles is 63; it must be at least 64"
        )
        #expect(problem(.init(limits: ProcessLimits(addressSpace: 1 << 20))) != nil)
        #expect(problem(.init(limits: ProcessLimits(processes: 1))) != nil)
        #expect(problem(.init(limits: ProcessLimits(fileSize: -1))) != nil)
    }

    @Test func `an environment and the placement in the instance's process exclude each other`() {
        func validate(_ environment: RuntimeEnvironment?) throws {
            try DeploymentOptions(runtimeEnvironment: environment, placement: .inProcess).validate(deployment: "D")
        }
        #expect(throws: Never.self) { try validate(nil) }
        #expect(throws: Never.self) { try validate(RuntimeEnvironment()) }
        for environment in [
            RuntimeEnvironment(variables: ["A": ""]), RuntimeEnvironment(workingDirectory: "a"),
            RuntimeEnvironment(inherits: .base), RuntimeEnvironment(limits: ProcessLimits(coreSize: 0)),
        ] {
            #expect(throws: ServeError.self) { try validate(environment) }
        }
    }

    @Test func `the base of inherited variables has no secrets in it`() throws {
        let base = try #require(InheritedVariables.base.test)
        for name in ["PATH", "HOME", "LC_ALL", "TMPDIR", "CUDA_VISIBLE_DEVICES", "HF_HOME"] { #expect(base(name)) }
        for name in ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "PATHS", "MY_PATH", "LC"] {
            #expect(!base(name))
        }
        let more = try #require(InheritedVariables.base(and: ["HF_TOKEN", "AWS_*"]).test)
        for name in ["PATH", "HF_TOKEN", "AWS_REGION"] { #expect(more(name)) }
        #expect(!more("HF_TOKENS"))
        let none = try #require(InheritedVariables.nothing.test)
        #expect(!none("PATH"))
        let only = try #require(InheritedVariables.only(["A"]).test)
        #expect(only("A") && !only("PATH"))
        #expect(InheritedVariables.all.test == nil)
    }

    @Test func `names to inherit are checked`() {
        for name in ["*", "A*B", "", "SWERVE_X", "A=B"] { #expect(problem(.init(inherits: .only([name]))) != nil) }
        #expect(problem(.init(inherits: .base(and: ["A_*"]))) == nil)
    }

    @Test func `a change of the environment or of the folder's content replaces replicas`() {
        var spec = DeploymentSpec(
            id: DeploymentID(application: "a", deployment: "D"),
            typeName: "T",
            arguments: [],
            options: DeploymentOptions(),
            answersHTTP: false
        )
        let before = spec
        spec.environment = RuntimeEnvironment(variables: ["A": "1"])
        #expect(spec.revision != before.revision)
        spec = before
        spec.workingDirectory = "00ff"
        #expect(spec.revision != before.revision)
    }
}
