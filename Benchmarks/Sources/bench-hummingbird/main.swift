import Hummingbird
import Logging

// The plain server for comparison: Hummingbird answers `ok` from the process that owns the socket, and `/stream/N` with N
// lines, each written for itself.
//
//   bench-hummingbird PORT

let router = Router()
router.get("/") { _, _ in "ok" }
router.get("/stream/:count") { _, context in
    let count = try context.parameters.require("count", as: Int.self)
    return Response(
        status: .ok,
        body: ResponseBody { writer in
            for number in 0..<count { try await writer.write(ByteBuffer(string: "\"token \(number)\"\n")) }
            try await writer.finish(nil)
        }
    )
}
var logger = Logger(label: "bench-hummingbird")
logger.logLevel = .error
let port = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 8000 : 8000
let application = Application(
    router: router,
    configuration: .init(address: .hostname("127.0.0.1", port: port)),
    logger: logger
)
try await application.runService()
