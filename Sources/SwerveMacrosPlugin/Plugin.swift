internal import SwiftCompilerPlugin
internal import SwiftSyntaxMacros

@main
struct SwerveMacrosPlugin: CompilerPlugin {
    let providingMacros: [any Macro.Type] = [
        DeploymentMacro.self, FunctionDeploymentMacro.self, DeploymentInitMacro.self, BatchedMacro.self,
        MultiplexedMacro.self,
    ]
}
