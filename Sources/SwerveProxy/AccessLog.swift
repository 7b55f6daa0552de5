package import NIOCore
package import SwerveCore
internal import SwerveHTTP
internal import SwerveHTTPTypes

/// Is told each HTTP request that is over.
package struct AccessLog: Sendable {
    /// A request that is over, without what may be secret: its query, its headers and its content.
    package struct Entry: Sendable {
        package var method: String
        /// As the client sent it, at most ``AccessLog/longestPath`` bytes of it.
        package var path: String
        /// What the client got: 499 if it was gone before the answer began.
        package var status: UInt16
        /// From the request's head to the end of the answer.
        package var duration: TimeAmount
        package var requestID: String
        /// The ingress that the request went to; `nil` if there is no route for it.
        package var deployment: DeploymentID?
    }

    /// How much of a path is told: 1000 bytes.
    package static let longestPath = 1000

    private let tell: @Sendable (Entry) -> Void

    /// - Parameter tell: called on event loops, which wait for it.
    package init(_ tell: @escaping @Sendable (Entry) -> Void) {
        self.tell = tell
    }

    /// A request that has begun.
    struct Request {
        private let tell: @Sendable (Entry) -> Void
        private var entry: Entry
        private let begun: NIODeadline

        init(_ log: AccessLog, _ head: HTTPRequestHead, _ exchange: HTTPExchange, _ deployment: DeploymentID?) {
            tell = log.tell
            begun = exchange.eventLoop.now
            entry = Entry(
                method: String(head.method.rawValue.prefix(40)),
                path: String(decoding: head.fullPath.utf8.prefix(AccessLog.longestPath), as: UTF8.self),
                status: 0,
                duration: .zero,
                requestID: exchange.requestID,
                deployment: deployment
            )
        }

        func ended(_ status: UInt16, at now: NIODeadline) {
            var entry = entry
            entry.status = status
            entry.duration = now - begun
            tell(entry)
        }
    }
}
