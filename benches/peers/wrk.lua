-- Goes round the values of `Authorization` in the file that TOKENS names; each thread begins elsewhere.
local threads = 0

function setup(thread)
    thread:set("offset", threads * 7919)
    threads = threads + 1
end

function init()
    requests = {}
    for value in io.lines(os.getenv("TOKENS")) do
        requests[#requests + 1] = wrk.format("GET", nil, { Host = wrk.headers["Host"], Authorization = value })
    end
    at = offset % #requests
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary)
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d", summary.requests, summary.duration, e.status,
        e.connect + e.read + e.write + e.timeout))
end
