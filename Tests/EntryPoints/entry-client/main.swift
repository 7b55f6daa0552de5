import Shouts
import Swerve

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// entry-client PROCESS APPLICATION: a client of the instance that a process runs. It calls the application's counter again
// and again, prints "calls" after the first answer, and how the connection ended.
let arguments = CommandLine.arguments
let connection = try await Serve.connect(processID: Int32(arguments[1]))
let counter = try connection.applicationHandle(arguments[2], as: Shouts.Counter.self)
do {
    _ = try await counter.next()
    print("calls")
    fflush(nil)
    while true { _ = try await counter.next() }
} catch {
    print("\(error)".contains("the connection to the instance is over") ? "over" : "\(error)")
}
await connection.close()
