import Swerve

/// Twins of the Python modules that example files of Ray name in their import paths; `module:attribute` there is the
/// application `module.attribute` here. The modules are in Tests/Operations/ray-files/modules.
@main struct Program: ServeProgram {
    static let applications: [any ServeApplication.Type] = [
        Texts.self, Fruit.self, Pizzas.self, Composition.self, Hello.self,
    ]
}
