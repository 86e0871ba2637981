// What the configuration says to each part of the daemon, in the part's own words. Pure but for the
// log that the parts write to.
#pragma once

#include "daemon/config.hpp"
#include "daemon/server.hpp"
#include "runtime/build/buildkit.hpp"
#include "runtime/build/source_builder.hpp"
#include "runtime/build/sources.hpp"
#include "runtime/edge/haproxy.hpp"
#include "runtime/metrics/recorder.hpp"
#include "scheduler/reconciler.hpp"

namespace gantry {

SourceOptions source_options(const Config&);
BuildKitOptions buildkit_options(const Config&);
SourceBuilderOptions builder_options(const Config&, const InstallationId&);

// REQUIRES: a network_range that parse_network_range() takes.
DesiredOptions desired_options(const Config&, const InstallationId&);
// Without the lease's holder and the orphans' grace. REQUIRES: as desired_options().
ReconcilerOptions scheduler_options(const Config&, const InstallationId&);

// Without the user that runs the proxy.
EdgeOptions edge_options(const Config&);

MetricsOptions metrics_options(const Config&);

// Without sessions.
ServerOptions server_options(const Config&);

}  // namespace gantry
