/// Requests to mutate, and text that breaks parsers.
enum HTTPSeeds {
    static let requests: [String] = [
        "GET /path?query=1&a=%41+b HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nX-Long: abcdefghijklmnop\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world",
        "PUT /a HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks[0],
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n",
        "GET http://a.b:80/c?d HTTP/1.1\r\nHost: a.b:80\r\nExpect: 100-continue\r\n\r\n",
        "DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nEmpty:\r\nTab:\tx\t\r\n\r\n",
        "HEAD /h HTTP/1.1\r\nHost: a\r\nX-Request-ID: abc\r\n\r\nHead /h HTTP/1.1\r\nHost: a\r\n\r\n",
        "PATCH /p HTTP/1.1\r\nHOST: a\r\nEXPECT: 100-Continue\r\nCONTENT-LENGTH: 300\r\n\r\n"
            + String(repeating: "0123456789", count: 30),
        "\r\nPOST /1 HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: Chunked\r\nUpgrade: x\r\n\r\n" + chunks[1]
            + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    /// Requests with enough content to count against a server's memory budget.
    static let large = [
        "POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n" + String(repeating: "c", count: 30_000),
        "POST /l HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + String(repeating: "100\r\n" + String(repeating: "d", count: 256) + "\r\n", count: 100) + "0\r\n\r\n",
    ]

    static let chunks: [String] = [
        "5\r\nhello\r\n1a;x=y;z=\"q\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n",
        String(repeating: "1\r\nx\r\n", count: 40) + "0\r\n\r\n",
        "100\r\n" + String(repeating: "b", count: 256) + "\r\n00a\r\n0123456789\r\n0;last\r\nA: b\r\nC: d\r\n\r\nrest",
        "7FFFFFFFFFFFFFF\r\nx",
    ]

    static let words: [String] = [
        "\r\n", "\r\n\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "\0", "\u{7F}", "\"", "\\", "%", "#", "?", "/", "*",
        "0",
        "-1", "+1", "fffffffffffffff", "99999999999999999999", "Content-Length: 5\r\n", "content-length: 11\r\n",
        "Transfer-Encoding: chunked\r\n", "transfer-encoding: gzip, chunked\r\n", "Host: b\r\n",
        "Connection: Close\r\n",
        "connection: keep-alive\r\n", "Expect: 100-continue\r\n", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1",
        "chunked", "close", "GET ", "HEAD ", "head ", "POST ", "CONNECT ", "OPTIONS * ", "http://", "0\r\n\r\n",
        "1\r\nx\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
}
