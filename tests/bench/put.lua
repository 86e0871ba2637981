-- PUT of variables: WRK_PATH is the path up to the name, WRK_TOKEN the token. 64 names a thread, a new value each time.
local thread_count = 0
function setup(thread)
  thread:set("id", thread_count)
  thread_count = thread_count + 1
end

local n = 0
local path = os.getenv("WRK_PATH")
local headers = { ["Authorization"] = "Bearer " .. os.getenv("WRK_TOKEN"), ["Content-Type"] = "application/json" }

function request()
  n = n + 1
  return wrk.format("PUT", path .. "/V" .. id .. "_" .. (n % 64), headers, '{"value":"value-' .. n .. '"}')
end

local bad = 0
function response(status)
  if status ~= 200 and status ~= 201 then bad = bad + 1 end
end
function done(summary)
  io.write(string.format("errors %d\n", summary.errors.status))
end
