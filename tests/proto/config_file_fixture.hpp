// Short forms for the tests of configuration files.
#pragma once

#include <string>
#include <string_view>

#include "proto/config_file.hpp"

namespace gantry {

inline ConfigResult read_text(std::string file, std::string text) {
  return read_config({.file_name = std::move(file), .text = std::move(text)});
}
inline ConfigResult read_json(std::string text) {
  return read_text("railway.json", std::move(text));
}

// Every problem as a line.
inline std::string lines_of(const ConfigResult& result, std::string_view file) {
  std::string lines;
  for (const ConfigProblem& problem : result.problems)
    lines += (lines.empty() ? "" : "\n") + config_line(file, problem);
  return lines;
}

// Without what is said of keys that are right, but not applied yet.
inline ConfigResult without_unapplied(ConfigResult result) {
  std::erase_if(result.problems, [](const ConfigProblem& problem) {
    return problem.message.find("not applied yet") != std::string::npos ||
           problem.message.find("volumes are not there yet") != std::string::npos;
  });
  return result;
}

inline const EffectiveSetting& setting_of(const ConfigResult& result, std::string_view key) {
  for (const EffectiveSetting& one : result.effective)
    if (one.key == key) return one;
  static const EffectiveSetting none;
  return none;
}
inline std::string value_of(const ConfigResult& result, std::string_view key) {
  return setting_of(result, key).value;
}
inline std::string origin_of(const ConfigResult& result, std::string_view key) {
  return origin_line(setting_of(result, key).origin);
}

}  // namespace gantry
