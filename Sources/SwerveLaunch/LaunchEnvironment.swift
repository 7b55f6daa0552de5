package import SwerveCore
internal import SwerveSystem

/// What a process is started in.
package struct LaunchEnvironment: Sendable, Hashable {
    /// Variables for the process; they take the place of inherited ones of the same names.
    package var variables: [String: String]
    /// Which of this process's own variables it inherits.
    package var inherits: InheritedVariables
    /// The folder that it starts in; `nil` for this process's own.
    package var workingDirectory: String?

    package init(
        _ variables: [String: String] = [:],
        inherits: InheritedVariables = .all,
        workingDirectory: String? = nil
    ) {
        self.variables = variables
        self.inherits = inherits
        self.workingDirectory = workingDirectory
    }

    /// All variables of the process, each as the bytes of `NAME=value`; `nil` where all are inherited.
    ///
    /// - Parameter own: this process's, in the same form.
    package func entries(inheriting own: [[UInt8]]) -> [[UInt8]]? {
        guard let isInherited = inherits.test else { return nil }
        let variables = allVariables
        let inherited = own.filter { entry in
            let name = String(decoding: entry.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            return variables[name] == nil && isInherited(name)
        }
        return inherited + variables.sorted { $0.key < $1.key }.map { Array("\($0.key)=\($0.value)".utf8) }
    }

    /// The variables, with the one that shells have for the current folder.
    package var allVariables: [String: String] {
        var variables = variables
        if let workingDirectory { variables["PWD"] = workingDirectory }
        return variables
    }
}
