package import NIOCore
internal import SwerveHTTPTypes

/// How a server treats its connections. Timeouts are checked every ``tickPeriod``.
package struct HTTPServerOptions: Sendable {
    package var limits = HTTPLimits()
    /// Content up to this size is handed over whole. Longer content streams unless all of it has already arrived;
    /// chunked content streams unless all of it has arrived and is no larger than this. 1 MiB.
    package var inlineBodyBytes = 1 << 20
    /// Makes a buffer of at least this size for content that is being collected, where others can read it in place; `nil`
    /// if that is not worth it. Content is then read straight to there.
    package var contentBuffer: (@Sendable (Int) -> ByteBuffer?)?
    /// Writes the content of the errors that the server itself answers with, from a status and a message, as JSON.
    package var errorBody: @Sendable (UInt16, String) -> ByteBuffer = { status, message in
        ServeResponse.errorBody(status: status, message: message)
    }
    /// How many bytes of a streamed request the service may have received and not consumed. 1 MiB.
    package var bodyWindowBytes = 1 << 20
    /// How many bytes of later requests are read while one is being answered. 64 KiB.
    package var pipelineBytes = 64 << 10

    /// How many bytes of requests and responses the server may hold at a time, over all connections: content that is
    /// being collected, waits, or is with the service, and responses that the system has not taken. 1 GiB; above it
    /// requests with content get 503, and streamed ones a window of 64 KiB. A connection that holds at most 16 KiB is
    /// not counted. Requests admitted earlier may exceed the limit by one read each.
    package var maxBufferedBytes = 1 << 30

    /// How long a connection may be silent between requests. 75 s, then it is closed.
    package var idleTimeout: Duration = .seconds(75)
    /// How long a head may take from its first byte. 10 s, then 408.
    package var headTimeout: Duration = .seconds(10)
    /// How long a client may pause in the middle of a body that the server waits for. 30 s, then 408.
    package var bodyTimeout: Duration = .seconds(30)
    /// How many bytes of a body must arrive per second, averaged over ``bodyTimeout``, while the server waits for them;
    /// a slower client gets 408. Without a minimum, a client that sends a byte every 29 s keeps its request for days,
    /// and with it a replica's slot, unless ``requestTimeout`` ends it. 0 by default, which sets no minimum: a client
    /// may stream events that happen now and then.
    package var minimumBodyRate = 0
    /// How long a request may take from the end of its head to the end of its response; `nil` leaves it to the service.
    /// Then 504, or 408 while its content is being collected, or a cut when the response has begun.
    package var requestTimeout: Duration?
    /// How long a client may take nothing of what was written to it. 60 s, then the connection is cut. However slow a
    /// client is, it is served as long as it takes a byte from time to time.
    package var writeTimeout: Duration = .seconds(60)
    /// How long a response may take to begin after the client closed its side of the connection. A client that merely
    /// has nothing more to send looks the same as one that is gone. 1 s, then the request is cancelled.
    package var halfCloseGrace: Duration = .seconds(1)
    /// How long a response may be quiet, once it has begun, if the client closed its side of the connection before and
    /// took everything: with no bytes to send, a client that only listens looks the same as one that is gone. 5 s, then
    /// the request is cancelled. A client that closes its side in the silence of a response counts as gone at once.
    package var halfCloseQuiet: Duration = .seconds(5)
    /// How long input is read and dropped after a response that was sent before the whole request was read, so that a
    /// client that is still sending sees the response and not a reset. 30 s, counted from when the client's system has
    /// the response; ``lingerQuiet`` once the server drains.
    package var lingerTimeout: Duration = .seconds(30)
    /// How long a client may send nothing while its input is dropped. 5 s, then the connection is closed.
    package var lingerQuiet: Duration = .seconds(5)
    /// How many bytes are dropped after a response. 1 GiB, then the connection is cut.
    package var lingerBytes = 1 << 30
    /// How many connections of the server may linger at a time. 1000. A further one takes the place of the one on its
    /// event loop that has lingered longest; if none does there, it is closed at once.
    package var maxLingering = 1000
    /// How long the input of a connection that is refused for want of room is dropped. 2 s.
    package var refusalLinger: Duration = .seconds(2)

    /// How many connections are served at a time, as far as there are descriptors for them. 10 000. A further one
    /// replaces the one that has been idle longest; if none is idle, it gets 503 at once.
    package var maxConnections = 10_000
    /// How many of the process's descriptors are kept for replicas, besides those open when the server starts. 128 by
    /// default, or a quarter of the process's limit if that is less.
    package var reservedDescriptors: Int?
    /// A connection that has been idle for less than this is not replaced: its client may be about to send the next
    /// request. 1 s.
    package var replaceableIdleTime: Duration = .seconds(1)
    package var backlog: Int32 = 1024
    /// How often the timeouts of connections are checked. 100 ms.
    package var tickPeriod: Duration = .milliseconds(100)

    /// How often to find out what a client that is behind has taken.
    var lookPeriod: Duration { writeTimeout / 32 }

    package init() {}
}
