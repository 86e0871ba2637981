// Everything desired, read in one database snapshot. Used at start and by reload().
#pragma once

#include <pqxx/pqxx>

#include "store/memory.hpp"
#include "store/secrets.hpp"

namespace gantry {

Result<LoadedState> load_state(pqxx::connection&, const Secrets&);

}  // namespace gantry
