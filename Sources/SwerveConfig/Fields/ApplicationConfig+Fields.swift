internal import SwerveCore

extension ApplicationConfig {
    static let fields: [Field<ApplicationConfig>] = [
        Field(
            "name",
            always: \.name,
            .text(.form("a name of letters, digits, '_', '-' and '.'", example: "segmentation")) {
                NameRule.problem(with: $0)
            },
            absence: "`default`",
            "Names the application. No two have the same."
        ),
        routePrefix,
        importPath,
        Field(
            "args",
            \.args,
            .anything,
            absence: "none",
            "The arguments of the program's application. It says which types they have."
        ),
        Field(
            "runtime_env",
            \.runtimeEnvironment,
            .object(),
            absence: "the instance's",
            "What the replicas' processes run in. A deployment's own comes on top."
        ),
        Field(
            "logging_config",
            \.logging,
            .object(),
            absence: "the instance's",
            "How its replicas log: `encoding` and `log_level`. The other fields have an effect at the top only."
        ),
        Field(
            "external_scaler_enabled",
            \.isScaledExternally,
            .boolean,
            absence: "false",
            "Whether only the REST API scales the deployments. Then none may be autoscaled."
        ),
        Field(
            "deployments",
            always: \.deployments,
            .list(of: .object()),
            absence: "none",
            "Options of some deployments. Those that are not named have what the program gives."
        ),
        .unused("autoscaling_policy", "a policy is a type of the program"),
        .refused("host", "it belongs in http_options"),
        .refused("port", "it belongs in http_options"),
    ]

    private static let routePrefix: Field<ApplicationConfig> = {
        let path = Format<String>.text(.form("a path that begins with '/'", example: "/segment")) {
            NormalPath.problem(withPrefix: $0)
        }
        return Field(
            description: FieldDescription(
                name: "route_prefix",
                oldNames: [],
                shape: .either([path.shape, .null]),
                isRequired: false,
                absence: "the program's",
                documentation: "The path below which the application answers HTTP; `null` for an application that is "
                    + "called only through handles. No two have the same.",
                effect: .used
            ),
            read: { node, application, reading in
                if node.isNull {
                    application.routePrefix = RouteSetting(path: nil)
                } else if let text = path.read(node, &reading) {
                    application.routePrefix = RouteSetting(path: NormalPath.normalized(text))
                }
            },
            write: { application in
                application.routePrefix.map { setting in .value(setting.path.map { .string($0) } ?? .null) }
            }
        )
    }()

    private static let importPath: Field<ApplicationConfig> = {
        let form = Shape.form("EXECUTABLE:APPLICATION", example: ".build/release/segmentation:app")
        let text = Format<String>.text(form) { text in
            guard ImportPath(text) == nil, ImportPath(dotted: text) == nil else { return nil }
            return
                "'\(text)' is not an import path; it must be \(form.expectation): the path of an executable, and the "
                + "name of an application that it declares"
        }
        return Field(
            description: FieldDescription(
                name: "import_path",
                oldNames: [],
                shape: form,
                isRequired: true,
                absence: "",
                documentation: "The program, relative to the file's folder, and the name of an application that it "
                    + "declares.",
                effect: .used
            ),
            read: { node, application, reading in
                guard let text = text.read(node, &reading) else { return }
                if let path = ImportPath(text) {
                    application.importPath = path
                } else if let path = ImportPath(dotted: text) {
                    reading.warn(node, "'\(text)' is a path of Python; it is read as '\(path)'")
                    application.importPath = path
                }
            },
            write: { .value(.string("\($0.importPath)")) }
        )
    }()
}
