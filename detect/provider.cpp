#include "detect/provider.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "proto/command.hpp"

namespace gantry::detecting {
namespace {

constexpr std::string_view kIgnored =
    ".git\nnode_modules\n.venv\n__pycache__\n*.log\n.env\n.env.*\nDockerfile\n.dockerignore\n";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

// The command of a Procfile's process; "web" before "worker" before the first.
std::string from_procfile(const Source& source, std::string& process) {
  std::string chosen;
  std::string text = source.text("Procfile");
  int best = 3;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const std::string line = trimmed(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    const auto colon = line.find(':');
    if (line.empty() || line.front() == '#' || colon == std::string::npos) continue;
    const std::string name = trimmed(line.substr(0, colon));
    if (name == "release") continue;
    const int rank = name == "web" ? 0 : name == "worker" ? 1 : 2;
    if (rank >= best) continue;
    best = rank;
    process = name;
    chosen = trimmed(line.substr(colon + 1));
  }
  return chosen;
}

}  // namespace

std::string Source::knob(std::string_view name) const {
  for (const char* prefix : {"RAILPACK_", "NIXPACKS_"})
    if (const auto found = options.variables.find(prefix + std::string(name));
        found != options.variables.end())
      return found->second;
  return {};
}

Lines& Lines::add(std::string line) {
  if (line.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos && refused_.empty())
    refused_ = "a command or a name has a line end in it: put it into a script";
  text_ += line + "\n";
  return *this;
}

Lines& Lines::run(const std::string& command, const std::string& mounts) {
  std::string line = command;
  // A backslash at the end would swallow the next instruction, and "--" at the front is an option.
  if (!line.empty() && line.back() == '\\') line += " ";
  if (line.starts_with("--") || line.starts_with("[")) line = ": && " + line;
  return add("RUN " + mounts + line);
}

Lines& Lines::command(const std::string& line) {
  const auto argv = command_argv(line);
  if (!argv) {
    if (refused_.empty()) refused_ = "the start command: " + argv.error().detail;
    return *this;
  }
  return add("CMD " +
             nlohmann::json(*argv).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string cache(const std::string& path) { return "--mount=type=cache,target=" + path + " "; }

std::string start_command(const Source& source, const std::string& found, DetectedPlan& plan) {
  plan.start_command = source.options.start_command;
  if (plan.start_command.empty()) plan.start_command = source.knob("START_CMD");
  if (!plan.start_command.empty()) return plan.start_command;
  std::string process;
  plan.start_command = from_procfile(source, process);
  if (!plan.start_command.empty()) {
    plan.notes.push_back("The Procfile's process \"" + process + "\" is started.");
    return plan.start_command;
  }
  return plan.start_command = found;
}

std::string build_command(const Source& source, const std::string& found) {
  if (!source.options.build_command.empty()) return source.options.build_command;
  const std::string knob = source.knob("BUILD_CMD");
  return knob.empty() ? found : knob;
}

Result<DetectedPlan> finish(DetectedPlan plan, const Lines& lines, const Source&) {
  if (!lines.refused().empty()) return invalid("", "not_detected", lines.refused());
  if (plan.start_command.empty())
    return invalid("", "not_detected",
                   "this looks like " + plan.provider +
                       ", but what it starts cannot be told: set a start command "
                       "(deploy.startCommand), or add a Procfile or a Dockerfile");
  plan.dockerfile = lines.text();
  plan.dockerignore = kIgnored;
  return plan;
}

std::string version_in(std::string_view text, int parts) {
  const auto begin = std::find_if(text.begin(), text.end(), is_digit);
  auto end = begin;
  for (int dots = 0; end != text.end(); ++end) {
    if (*end == '.' && ++dots < parts && end + 1 != text.end() && is_digit(end[1])) continue;
    if (!is_digit(*end)) break;
  }
  return {begin, end};
}

bool contains_word(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    const bool begins = at == 0 || !is_word(text[at - 1]);
    const std::size_t after = at + word.size();
    if (begins && (after == text.size() || !is_word(text[after]))) return true;
  }
  return false;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

bool is_plain_path(std::string_view path) {
  return !path.empty() && std::all_of(path.begin(), path.end(), [](char c) {
    return is_word(c) || c == '.' || c == '/' || c == '@' || c == '+';
  });
}

}  // namespace gantry::detecting
