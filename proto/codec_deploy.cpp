// How what was built is run.
#include "proto/codec_fields.hpp"
#include "proto/command.hpp"
#include "proto/words.hpp"

namespace gantry::codec {
namespace {

constexpr std::size_t kPathMax = 2048;
constexpr std::size_t kWordsMax = 1024;
constexpr std::size_t kCommandsMax = 20;
constexpr std::size_t kCommandMax = 128 * 1024;
constexpr std::int64_t kMemoryMin = 6LL * 1024 * 1024;  // the engine's own minimum

bool refused(const Field& field, const char* code, const char* detail) {
  field.refuse(code, detail);
  return false;
}

// argv: an array of strings, or one string in words. False: it was refused.
bool read_words(const Field& field, std::vector<std::string>& words) {
  if (field.json.is_string()) {
    auto split = split_words(field.json.get_ref<const std::string&>(), field.pointer);
    if (!split) {
      field.errors.push_back(split.error().fields.front());
      return false;
    }
    words = *std::move(split);
  } else if (field.json.is_array()) {
    for (std::size_t i = 0; i < field.json.size(); ++i) {
      if (!field.json[i].is_string()) {
        field.errors.push_back(
            {field.pointer + "/" + std::to_string(i), "wrong_type", "expected a string"});
        return false;
      }
      words.push_back(field.json[i].get<std::string>());
    }
  } else {
    return refused(field, "wrong_type", "expected an array of strings, or one string");
  }
  std::size_t bytes = 0;
  for (const auto& word : words) {
    bytes += word.size();
    if (word.find('\0') != std::string::npos)
      return refused(field, "invalid_command", "a word cannot contain a NUL character");
  }
  if (!words.empty() && words.front().empty())
    return refused(field, "invalid_command", "the first word is the program: it cannot be empty");
  if (words.size() > kWordsMax || bytes > kCommandMax)
    return refused(field, "out_of_range", "a command has at most 1024 words and 131072 bytes");
  return true;
}

void read_command(const Field& field, DeploySettings& out) {
  if (std::vector<std::string> words; read_words(field, words))
    out.start_command = std::move(words);
}

void read_health_command(const Field& field, DeploySettings& out) {
  if (std::vector<std::string> words; read_words(field, words))
    out.healthcheck_command = std::move(words);
}

void read_path(const Field& field, DeploySettings& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto path = field.json.get<std::string>();
  const bool plain = std::none_of(path.begin(), path.end(),
                                  [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
  if (path.empty() || path.front() != '/' || path.size() > kPathMax || !plain)
    return field.refuse("invalid_path",
                        "expected a path that begins with '/', without white space or control "
                        "characters, of at most 2048 bytes");
  out.healthcheck_path = std::move(path);
}

void read_policy(const Field& field, DeploySettings& out) {
  read_word(field, parse_restart_policy, "expected \"ON_FAILURE\", \"ALWAYS\" or \"NEVER\"",
            out.restart_policy);
}

void read_port(const Field& field, DeploySettings& out) {
  if (std::int64_t port = 0; read_whole(field, 0, 65535, port)) out.port = static_cast<int>(port);
}

// A string, or an array of strings, each a command line.
void read_commands(const Field& field, DeploySettings& out) {
  std::vector<std::string> commands;
  const Json list = field.json.is_string() ? Json::array({field.json}) : field.json;
  if (!list.is_array())
    return field.refuse("wrong_type", "expected an array of strings, or one string");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Field item{list[i], field.pointer + "/" + std::to_string(i), field.errors};
    if (!list[i].is_string()) return item.refuse("wrong_type", "expected a string");
    auto text = list[i].get<std::string>();
    const auto argv = command_argv(text);
    if (!argv) return item.refuse("invalid_command", argv.error().detail);
    if (!argv->empty()) commands.push_back(std::move(text));
  }
  if (commands.size() > kCommandsMax)
    return field.refuse("out_of_range", "at most 20 commands: put them into a script");
  out.pre_deploy_command = std::move(commands);
}

using D = DeploySettings;

constexpr std::array<Entry<D>, 21> kDeploy{{
    {"start_command", read_command, clear<&D::start_command>},
    {"healthcheck_path", read_path, clear<&D::healthcheck_path>},
    {"healthcheck_command", read_health_command, clear<&D::healthcheck_command>},
    {"healthcheck_timeout_seconds", read_range<&D::healthcheck_timeout_seconds, 1, 3600>,
     clear<&D::healthcheck_timeout_seconds>},
    {"healthcheck_interval_seconds", read_range<&D::healthcheck_interval_seconds, 1, 3600>,
     clear<&D::healthcheck_interval_seconds>},
    {"restart_policy", read_policy, clear<&D::restart_policy>},
    {"restart_max_retries", read_range<&D::restart_max_retries, 0, 10000>,
     clear<&D::restart_max_retries>},
    {"replicas", read_range<&D::replicas, 0, 200>, clear<&D::replicas>},
    {"cpu_millicores", read_limit<&D::cpu_millicores, 10, 1000000>, clear<&D::cpu_millicores>},
    {"memory_bytes", read_limit<&D::memory_bytes, kMemoryMin, kLongMax>, clear<&D::memory_bytes>},
    {"pids_limit", read_limit<&D::pids_limit, 1, kIntMax>, clear<&D::pids_limit>},
    {"port", read_port, clear<&D::port>},
    {"exposed", read_flag<&D::exposed>, clear<&D::exposed>},
    {"overlap_seconds", read_range<&D::overlap_seconds, 0, 3600>, clear<&D::overlap_seconds>},
    {"draining_seconds", read_range<&D::draining_seconds, 0, 3600>, clear<&D::draining_seconds>},
    {"pre_deploy_command", read_commands, clear<&D::pre_deploy_command>},
    {"rollout", [](const Field& f, D& out) { read_rollout(f, out.rollout); }, clear<&D::rollout>},
    {"traffic", [](const Field& f, D& out) { read_traffic(f, out.traffic); }, clear<&D::traffic>},
    {"scaling", [](const Field& f, D& out) { read_scaling(f, out.scaling); }, clear<&D::scaling>},
    {"sleep", [](const Field& f, D& out) { read_sleep(f, out.sleep); }, clear<&D::sleep>},
    {"cron", [](const Field& f, D& out) { read_cron(f, out.cron); }, clear<&D::cron>},
}};

}  // namespace

void read_deploy(const Field& field, DeploySettings& out) { merge_object(field, kDeploy, out); }

}  // namespace gantry::codec
