// Removing what of the audit log was kept long enough. The database itself refuses any other
// removal and writes the line that tells of this one (see migrations/).
#pragma once

#include "proto/time.hpp"
#include "store/connection.hpp"

namespace gantry {

// The lines of the oldest day (UTC) there is, when all of it is before `before`, a midnight: in one
// transaction with a line of how many there were and the SHA-256 of their NDJSON, newest first, as
// an export of that day has it. False: nothing is that old, or another daemon is at it.
Result<bool> remove_oldest_day(ConnectionPool&, TimePoint before);

}  // namespace gantry
