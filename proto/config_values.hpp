// Typed reading of values in a configuration file: each gives the value or says what is wrong. For
// the key table alone. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/config_keys.hpp"

namespace gantry {

struct WholeRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::string_view unit;  // "seconds"; empty: none
};

// A number, or a string of one (with a warning).
std::optional<std::int64_t> read_whole(const ConfigField&, WholeRange);
std::optional<bool> read_flag(const ConfigField&);
std::optional<std::string> read_string(const ConfigField&);
// A string that is neither blank nor holds a line end.
std::optional<std::string> read_line(const ConfigField&);
std::optional<std::vector<std::string>> read_strings(const ConfigField&);
// A command line with balanced quotes; blank is empty.
std::optional<std::string> read_command(const ConfigField&);
// A path inside the source; a warning when it leads out of it.
std::optional<std::string> read_path(const ConfigField&);
// Kubernetes quantities, or plain numbers: of CPUs, of bytes. 0: no limit.
std::optional<std::int64_t> read_cpu_millicores(const ConfigField&);
std::optional<std::int64_t> read_memory_bytes(const ConfigField&);
// Five fields of integers, * , - and /.
std::optional<std::string> read_cron(const ConfigField&);
std::optional<std::string> read_zone(const ConfigField&);  // of the time-zone database
std::optional<CronOverlap> read_overlap(const ConfigField&);
std::optional<CronMissed> read_missed(const ConfigField&);

}  // namespace gantry
