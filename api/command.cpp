#include "api/command.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kCommandBytes = 128 * 1024;

}  // namespace

Result<> check_command(const std::vector<std::string>& command) {
  std::size_t bytes = 0;
  for (const std::string& word : command) {
    bytes += word.size() + 1;
    if (word.find('\0') != std::string::npos)
      return invalid("/command", "invalid_command", "an argument has no NUL byte");
  }
  if (command.empty() || command.front().empty())
    return invalid("/command", "invalid_command", "expected a program and its arguments");
  if (bytes > kCommandBytes)
    return invalid("/command", "invalid_command", "a command has at most 128 KiB");
  return done();
}

}  // namespace gantry::api
