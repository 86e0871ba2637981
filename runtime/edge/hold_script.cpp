#include "runtime/edge/config.hpp"

namespace gantry {

// Each thread of the proxy has a state of its own, so each calls once a second for a slot. A call
// that nobody hears (the daemon is away) is made again; nothing here waits for the daemon but the
// held request itself, and that at most a second.
std::string hold_script(const EdgePaths& paths) {
  return R"(-- Made by Gantry. Changes made here are lost.
-- Holds a request of a sleeping slot until one of its servers is up, and calls at the daemon's socket.
local daemon = "unix@)" +
         paths.wake_socket + R"("
local pins = Map.new(")" +
         paths.maps[kPinsMap] + R"(", Map._str)
local limit, between_calls = 30, 1  -- seconds
local called = {}

local function now()
  local time = core.now()
  return time.sec + time.usec / 1000000
end

local function call(slot)
  called[slot] = now()
  local socket = core.tcp()
  socket:settimeout(1)
  if socket:connect(daemon) then socket:send(slot .. "\n") end
  socket:close()
end

core.register_action("hold", {"http-req"}, function(txn)
  local slot = txn.f:be_name()
  local begin, pause = now(), 25  -- milliseconds
  txn:unset_var("txn.pin")  -- whoever it was is gone
  while txn.f:nbsrv(slot) == 0 and now() - begin < limit do
    -- After a reload this worker's servers cannot be enabled any more, but one can be named.
    local server = txn.f:stopping() and pins:lookup(slot)
    if server then
      txn:set_var("txn.pin", server)
      return
    end
    if now() - (called[slot] or 0) >= between_calls then call(slot) end
    core.msleep(pause)
    pause = math.min(pause + pause // 4, 250)
  end
end, 0)
)";
}

}  // namespace gantry
