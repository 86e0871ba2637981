// The daemon's own figures as OpenMetrics text.
#pragma once

#include <string>

#include "daemon/server.hpp"
#include "scheduler/reconciler.hpp"

namespace gantry {

std::string metrics_text(const ReconcilerCounters&, const ServerCounters&, int sessions);

}  // namespace gantry
