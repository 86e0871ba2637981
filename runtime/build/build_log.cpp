#include "runtime/build/build_log.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr std::size_t kLineBytes = 64 * 1024;

}  // namespace

ReplicaKey phase_key(const DeploymentId& deployment, int phase) { return {deployment, 0, phase}; }

void BuildLog::append(std::string_view text, bool is_error) {
  do {
    logs_.append(options_.instance_id, phase_key(options_.deployment_id, kBuildPhase),
                 options_.clock->now(), is_error, std::string(text.substr(0, kLineBytes)));
    text.remove_prefix(std::min(text.size(), kLineBytes));
  } while (!text.empty());
}

void BuildLog::say(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  append(text, false);
}

void BuildLog::complain(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    append(text.substr(0, end), true);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void BuildLog::output(bool is_error, std::string_view line) {
  const std::scoped_lock lock(mutex_);
  while (line.ends_with('\r')) line.remove_suffix(1);
  if (const std::size_t over = line.rfind('\r'); over != std::string_view::npos)
    line.remove_prefix(over + 1);
  written_ += line.size() + 1;
  if (written_ <= options_.bytes) {
    append(line, is_error);
  } else if (!cut_) {
    cut_ = true;
    append("The log is cut here: the build has written more than " +
               std::to_string(options_.bytes / (1024 * 1024)) + " MiB.",
           true);
  }
}

}  // namespace gantry
