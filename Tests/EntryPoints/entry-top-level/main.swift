import Greeting

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// entry-top-level [replace]: with `replace` another file takes the place of this program's before replicas start.
if CommandLine.arguments.contains("replace") {
    unlink(CommandLine.arguments[0])
    close(open(CommandLine.arguments[0], O_CREAT | O_WRONLY, 0o755))
}
try await Greeting.run()
