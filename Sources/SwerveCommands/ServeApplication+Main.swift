extension ServeApplication {
    /// The program's entry: runs the subcommand of the command line, `run` if there is none.
    // Concurrent: the compiler accepts no entry that runs on its caller's actor.
    @concurrent public static func main() async {
        await ProgramCommand.main([Self.self])
    }
}

extension ServeProgram {
    /// The program's entry: runs the subcommand of the command line, `run` if there is none.
    // Concurrent: the compiler accepts no entry that runs on its caller's actor.
    @concurrent public static func main() async {
        await ProgramCommand.main(applications)
    }
}
