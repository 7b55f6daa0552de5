-- The load: GET, or POST of so many bytes (the digit 1, so that one byte is JSON too); and one line of JSON with the
-- result.
--
--   wrk ... -s load.lua URL [-- BYTES CONTENT-TYPE]

function init(arguments)
    local bytes = tonumber(arguments[1])
    if bytes then
        wrk.method = "POST"
        wrk.body = string.rep("1", bytes)
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
