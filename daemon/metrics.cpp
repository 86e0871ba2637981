#include "daemon/metrics.hpp"

#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

namespace gantry {
namespace {

std::uint64_t resident_bytes() {
  std::uint64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void counter(std::string& out, const char* name, const char* help, std::uint64_t value) {
  out += fmt::format("# HELP gantry_{0} {1}\n# TYPE gantry_{0} counter\ngantry_{0}_total {2}\n",
                     name, help, value);
}

void gauge(std::string& out, const char* name, const char* help, std::uint64_t value) {
  out += fmt::format("# HELP gantry_{0} {1}\n# TYPE gantry_{0} gauge\ngantry_{0} {2}\n", name, help,
                     value);
}

}  // namespace

std::string metrics_text(const ReconcilerCounters& scheduler, const ServerCounters& server,
                         int sessions) {
  std::string out;
  counter(out, "http_requests", "Requests read by the API.", server.requests);
  counter(out, "http_shed", "Requests and connections refused because of load.", server.shed);
  gauge(out, "http_connections", "Connections open to the API.", server.connections);
  gauge(out, "sessions", "Commands, shells and tunnels open.",
        static_cast<std::uint64_t>(sessions));
  counter(out, "scheduler_facts", "Facts absorbed.", scheduler.facts);
  counter(out, "scheduler_plans", "Instances planned.", scheduler.plans);
  counter(out, "scheduler_starts", "Replicas started.", scheduler.starts);
  counter(out, "scheduler_stops", "Replicas stopped.", scheduler.stops);
  counter(out, "scheduler_routes", "Routes given to the edge.", scheduler.routes);
  counter(out, "scheduler_probes", "Health probes sent.", scheduler.probes);
  counter(out, "scheduler_failures", "Actions that failed.", scheduler.failures);
  counter(out, "edge_repairs", "Times the edge was found to differ and repaired.",
          scheduler.repairs);
  gauge(out, "scheduler_instances", "Instances known to the scheduler.", scheduler.instances);
  gauge(out, "engine_up", "1 when the container engine answers.", scheduler.engine_up ? 1 : 0);
  gauge(out, "scheduler_adopted", "1 once running containers were adopted.",
        scheduler.adopted ? 1 : 0);
  gauge(out, "process_resident_memory_bytes", "Resident memory of the daemon.", resident_bytes());
  return out + "# EOF\n";
}

}  // namespace gantry
