-- The load: GET, or POST of a text, or of so many bytes (the digit 1, so that one byte is JSON too); and one line of JSON
-- with the result.
--
--   wrk ... -s load.lua URL [-- BYTES|TEXT CONTENT-TYPE]

function init(arguments)
    if arguments[1] then
        local bytes = tonumber(arguments[1])
        wrk.method = "POST"
        wrk.body = bytes and string.rep("1", bytes) or arguments[1]
        wrk.headers["Content-Type"] = arguments[2]
    end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"seconds": %.6f, "requests": %d, "p50_us": %d, "p99_us": %d, "failed": %d, "bad_status": %d}\n',
        summary.duration / 1e6, summary.requests, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
