#include "runtime/build/build_log.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr std::size_t kLineBytes = 64 * 1024;

}  // namespace

ReplicaKey phase_key(const DeploymentId& deployment, int phase) { return {deployment, 0, phase}; }

void BuildLog::append(std::string_view text, bool is_error) {
  logs_.append(options_.instance_id, phase_key(options_.deployment_id, kBuildPhase),
               options_.clock->now(), is_error, std::string(text));
}

void BuildLog::say(std::string_view text) {
  flush();
  const std::scoped_lock lock(mutex_);
  append(text.substr(0, kLineBytes), false);
}

void BuildLog::complain(std::string_view text) {
  flush();
  const std::scoped_lock lock(mutex_);
  append(text.substr(0, kLineBytes), true);
}

void BuildLog::finish_line() {
  std::string_view text = line_;
  while (text.ends_with('\r')) text.remove_suffix(1);
  if (const std::size_t over = text.rfind('\r'); over != std::string_view::npos)
    text.remove_prefix(over + 1);
  written_ += text.size() + 1;
  if (written_ <= options_.bytes) {
    append(text, false);
  } else if (!cut_) {
    cut_ = true;
    append("The log is cut here: the build has written more than " +
               std::to_string(options_.bytes / (1024 * 1024)) + " MiB.",
           true);
  }
  line_.clear();
}

void BuildLog::output(std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::size_t room = kLineBytes - line_.size();
    const std::size_t count = std::min({end, bytes.size(), room});
    line_ += bytes.substr(0, count);
    bytes.remove_prefix(count);
    if (bytes.starts_with('\n')) {
      finish_line();
      bytes.remove_prefix(1);
    } else if (line_.size() == kLineBytes) {
      finish_line();
    }
  }
}

void BuildLog::flush() {
  const std::scoped_lock lock(mutex_);
  if (!line_.empty()) finish_line();
}

}  // namespace gantry
