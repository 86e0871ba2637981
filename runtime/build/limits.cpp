#include "runtime/build/limits.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPageSlack = 256 * 1024;
constexpr int kPeriod = 100'000;  // microseconds
constexpr int kShares = 128;      // an eighth of a container's
constexpr int kWeight = 12;       // the same on cgroup v2, of 100

int cpu_quota(int millicores) {
  if (millicores == 0)
    millicores = std::max(500, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)) * 1000 - 500);
  return millicores * (kPeriod / 1000);
}

bool write_value(const std::string& file, const std::string& value) {
  std::ofstream out(file);
  out << value;
  out.flush();
  return out.good();
}

// "key N" in a file of such lines, or its only number.
std::int64_t read_number(const std::string& file, const std::string& key = "") {
  std::ifstream in(file);
  std::int64_t value = 0;
  if (key.empty()) {
    in >> value;
    return value;
  }
  for (std::string word; in >> word >> value;)
    if (word == key) return value;
  return 0;
}

}  // namespace

bool BuildCgroup::unified() const {
  return fs::exists(limits_.cgroup_root + "/cgroup.controllers");
}

std::string BuildCgroup::path(const std::string& controller) const {
  return limits_.cgroup_root + (unified() ? "" : "/" + controller) + "/" + limits_.cgroup;
}

std::vector<BuildCgroup::Write> BuildCgroup::writes() const {
  const auto most = [](std::int64_t value, const char* none) {
    return value == 0 ? std::string(none) : std::to_string(value);
  };
  const std::string quota = std::to_string(cpu_quota(limits_.cpu_millicores));
  if (unified())
    return {{path("") + "/memory.max", most(limits_.memory_bytes, "max")},
            {path("") + "/memory.swap.max", limits_.memory_bytes == 0 ? "max" : "0", false},
            {path("") + "/cpu.max", quota + " " + std::to_string(kPeriod)},
            {path("") + "/cpu.weight", std::to_string(kWeight), false},
            {path("") + "/pids.max", most(limits_.pids, "max")}};
  const std::string memory = most(limits_.memory_bytes, "-1");
  return {{path("memory") + "/memory.memsw.limit_in_bytes", "-1", false},  // raise before lowering
          {path("memory") + "/memory.limit_in_bytes", memory},
          {path("memory") + "/memory.memsw.limit_in_bytes", memory, false},
          {path("cpu") + "/cpu.cfs_period_us", std::to_string(kPeriod)},
          {path("cpu") + "/cpu.cfs_quota_us", quota},
          {path("cpu") + "/cpu.shares", std::to_string(kShares), false},
          {path("pids") + "/pids.max", most(limits_.pids, "max")}};
}

// The highest use so far; of processes it goes with the cgroup, unless something runs in it.
void BuildCgroup::take_back_marks() const {
  if (unified()) return;
  std::error_code error;
  write_value(path("memory") + "/memory.max_usage_in_bytes", "0");
  if (rmdir(path("pids").c_str()) == 0) fs::create_directories(path("pids"), error);
}

Result<> BuildCgroup::apply() {
  std::error_code error;
  for (const char* controller : {"memory", "cpu", "pids"}) {
    fs::create_directories(path(controller), error);
    if (unified()) break;
  }
  if (unified())  // on the way down each level hands its controllers on
    for (fs::path at = fs::path(limits_.cgroup).parent_path();; at = at.parent_path()) {
      write_value(limits_.cgroup_root + "/" + at.string() + "/cgroup.subtree_control",
                  "+memory +cpu +pids");
      if (at.empty()) break;
    }
  take_back_marks();
  for (const Write& one : writes())
    if (!write_value(one.file, one.value) && one.required)
      return Error{Code::unavailable, "no_build_limits",
                   "builds run without limits: " + one.file +
                       " cannot be written (they need root, on the engine's own machine, with the "
                       "engine's cgroupfs driver; build.cgroup names another cgroup)"};
  return done();
}

bool BuildCgroup::full_of_pids() const {
  return limits_.pids > 0 &&
         read_number(path("pids") + "/pids.current") >= limits_.pids - limits_.pids / 10;
}

// On v1 the counters of events belong to the cgroups below, which are gone with their step: there
// the marks that apply() has taken back tell.
BuildCgroup::Hits BuildCgroup::hits() const {
  if (unified())
    return {read_number(path("") + "/memory.events", "oom_kill"),
            read_number(path("") + "/pids.events", "max")};
  const std::int64_t memory = read_number(path("memory") + "/memory.max_usage_in_bytes");
  const std::int64_t pids = read_number(path("pids") + "/pids.peak");
  return {limits_.memory_bytes > 0 && memory >= limits_.memory_bytes - kPageSlack ? 1 : 0,
          limits_.pids > 0 && pids >= limits_.pids ? 1 : 0};
}

// The highest use of memory on v1 began anew with apply(), at what the cgroup still holds: files of
// earlier builds in the cache, which give way and may fill it to the limit.
BuildCgroup::Hits BuildCgroup::baseline() const {
  Hits before = hits();
  if (!unified()) before.memory = 0;
  return before;
}

}  // namespace gantry
