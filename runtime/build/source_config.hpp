// The configuration of a source: which file it is, and what it makes of the instance's settings.
// Blocking; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/config_file.hpp"
#include "runtime/build/builder.hpp"

namespace gantry {

struct SourceConfig {
  Settings settings;               // in force
  std::string file;                // from the source's root; empty: there is none
  std::string json;                // config_json; empty: there is no file
  std::vector<std::string> lines;  // every problem, as it is shown
};

// `root` is the unpacked source; of order.neighbours those count whose archive is of the same
// repository, which the caller has found out. What is wrong is Code::invalid:
//   config_missing      build.config_file is not in the source
//   config_invalid      errors in the file, the first of them in the detail
//   volume_missing      deploy.requiredMountPath names where the service mounts none
//   root_directory_missing
// `preview_base`: ConfigRequest::base_environment.
Result<SourceConfig> source_config(const std::string& root, const PrepareOrder&,
                                   const std::optional<std::string>& preview_base = std::nullopt);

}  // namespace gantry
