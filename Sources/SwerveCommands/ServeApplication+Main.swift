public import SwerveRuntime

extension ServeApplication {
    /// The program's entry: runs the subcommand of the command line, `run` if there is none.
    public static func main() async {
        await ProgramCommand.main([Self.self])
    }
}

extension ServeProgram {
    /// The program's entry: runs the subcommand of the command line, `run` if there is none.
    public static func main() async {
        await ProgramCommand.main(applications)
    }
}
