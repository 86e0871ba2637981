// Health, builds and the section "deploy" of a service in a docker-compose.yml.
#include <algorithm>

#include "proto/command.hpp"
#include "proto/compose_reader.hpp"

namespace gantry::compose {
namespace {

using Kind = ConfigNode::Kind;

// Reads the members that are known, notes the others.
struct Reader {
  std::string_view key;
  void (*read)(const ConfigNode&, const std::string& path, const Target&);  // null: a note
  std::string_view advice = {};
};

void read_members(const ConfigNode& node, const std::string& path, const Target& to,
                  std::initializer_list<Reader> known) {
  for (const ConfigMember& member : node.members) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const Reader& each) { return each.key == member.key; });
    const std::string here = path + "." + member.key;
    if (found == known.end())
      to.context.note(member.at, here, "it has no counterpart");
    else if (found->read != nullptr)
      found->read(member.value, here, to);
    else if (!found->advice.empty())
      to.context.note(member.at, here, std::string(found->advice));
  }
}

void read_test(const ConfigNode& node, const std::string& path, const Target& to) {
  auto& command = to.service.settings.deploy.healthcheck_command;
  command.clear();
  const auto line = [&](const std::string& text) {
    auto argv = command_argv(text);
    if (!argv) return to.context.refuse(node.at, path, argv.error().detail);
    command = *std::move(argv);
  };
  if (is_text(node)) return line(node.text);
  const auto words = argv_of(node, path, to.context);
  if (words.empty() || words.front() == "NONE") return;
  if (words.front() == "CMD")
    command.assign(words.begin() + 1, words.end());
  else if (words.front() == "CMD-SHELL" && words.size() == 2)
    line(words[1]);
  else
    to.context.refuse(node.at, path, "expected CMD, CMD-SHELL or NONE first");
}

void read_interval(const ConfigNode& node, const std::string& path, const Target& to) {
  const auto seconds = is_text(node) ? seconds_of(node.text) : std::nullopt;
  if (!seconds) return to.context.refuse(node.at, path, "expected a duration, such as 10s");
  to.service.settings.deploy.healthcheck_interval_seconds = std::clamp(*seconds, 1, 3600);
}

void read_disable(const ConfigNode& node, const std::string&, const Target& to) {
  if (node.is(Kind::boolean) && node.boolean)
    to.service.settings.deploy.healthcheck_command.clear();
}

void read_limits(const ConfigNode& node, const std::string& path, const Target& to) {
  read_members(node, path, to, {{"cpus", set_cpus}, {"memory", set_memory}, {"pids", set_pids}});
}

void read_resources(const ConfigNode& node, const std::string& path, const Target& to) {
  read_members(node, path, to,
               {{"limits", read_limits},
                {"reservations", nullptr, "nothing is reserved: the limits count"}});
}

void read_condition(const ConfigNode& node, const std::string& path, const Target& to) {
  DeploySettings& deploy = to.service.settings.deploy;
  if (node.text == "none")
    deploy.restart_policy = RestartPolicy::never;
  else if (node.text == "on-failure")
    deploy.restart_policy = RestartPolicy::on_failure;
  else if (node.text == "any")
    deploy.restart_policy = RestartPolicy::always;
  else
    to.context.refuse(node.at, path, "expected none, on-failure or any");
}

void read_restart_policy(const ConfigNode& node, const std::string& path, const Target& to) {
  read_members(node, path, to,
               {{"condition", read_condition},
                {"max_attempts", nullptr, "restart_max_retries is 10"},
                {"delay", nullptr, "restarts wait longer each time"},
                {"window", nullptr, "restarts wait longer each time"}});
}

void read_context(const ConfigNode& node, const std::string&, const Target& to) {
  to.service.folder = node.text;
}

void read_dockerfile(const ConfigNode& node, const std::string&, const Target& to) {
  to.service.settings.build.builder = "DOCKERFILE";
  to.service.settings.build.dockerfile_path = node.text;
}

void read_arguments(const ConfigNode& node, const std::string& path, const Target& to) {
  read_environment(node, path, to);
  to.context.note(node.at, path, "a build gets the service's variables: these became variables");
}

}  // namespace

void read_healthcheck(const ConfigNode& node, const std::string& path, const Target& to) {
  constexpr std::string_view window =
      "a new replica must become healthy within healthcheck_timeout_seconds (300)";
  read_members(node, path, to,
               {{"test", read_test},
                {"interval", read_interval},
                {"disable", read_disable},
                {"timeout", nullptr},
                {"retries", nullptr, window},
                {"start_period", nullptr, window},
                {"start_interval", nullptr}});
}

void read_deploy(const ConfigNode& node, const std::string& path, const Target& to) {
  constexpr std::string_view rollout = "see deploy.rollout: nothing is down meanwhile anyway";
  read_members(node, path, to,
               {{"replicas", set_replicas},
                {"resources", read_resources},
                {"restart_policy", read_restart_policy},
                {"mode", nullptr, "a service has as many replicas as it is told"},
                {"update_config", nullptr, rollout},
                {"rollback_config", nullptr, rollout},
                {"labels", nullptr, "labels have no counterpart"},
                {"placement", nullptr, "Gantry chooses the machine"}});
}

void read_build(const ConfigNode& node, const std::string& path, const Target& to) {
  to.service.settings.build.builder = "DOCKERFILE";
  if (is_text(node)) {
    to.service.folder = node.text;
    return;
  }
  to.service.folder = ".";
  read_members(node, path, to,
               {{"context", read_context},
                {"dockerfile", read_dockerfile},
                {"args", read_arguments},
                {"target", nullptr, "the last stage of the Dockerfile is built"},
                {"dockerfile_inline", nullptr, "write it into a file"},
                {"cache_from", nullptr},
                {"cache_to", nullptr},
                {"pull", nullptr},
                {"tags", nullptr},
                {"labels", nullptr},
                {"platforms", nullptr, "it is built for the machine that it runs on"},
                {"network", nullptr, "a build has the engine's own network"},
                {"secrets", nullptr, "a build gets the service's variables"},
                {"ssh", nullptr, "a build gets the service's variables"}});
}

}  // namespace gantry::compose
