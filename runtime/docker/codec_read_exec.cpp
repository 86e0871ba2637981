#include <algorithm>

#include <nlohmann/json.hpp>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/codec_exec.hpp"
#include "runtime/docker/codec_parts.hpp"

namespace gantry::docker {
namespace {

using Json = nlohmann::json;

std::vector<std::string> path_of(const Json& env) {
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  if (env.is_array())
    for (const Json& entry : env)
      if (entry.is_string() && entry.get_ref<const std::string&>().starts_with("PATH="))
        path = entry.get<std::string>().substr(5);
  std::vector<std::string> folders;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    if (path[begin] == '/') folders.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return folders;
}

}  // namespace

Result<ContainerSeen> parse_container(std::string_view reply) {
  const Json json = Json::parse(reply, nullptr, false);
  if (!json.is_object()) return unreadable("an inspection");
  const Json& state = at(json, "State");
  const Json& labels = at(at(json, "Config"), "Labels");
  ContainerSeen seen{.container_id = text(json, "Id"),
                     .installation = text(labels, kInstallationLabel),
                     .session = text(labels, kSessionLabel)};
  seen.running = at(state, "Running") == true;
  seen.exit_code = static_cast<int>(integer(state, "ExitCode"));
  seen.path = path_of(at(at(json, "Config"), "Env"));
  return seen;
}

Result<ExecSeen> parse_exec(std::string_view reply) {
  const Json json = Json::parse(reply, nullptr, false);
  if (!json.is_object()) return unreadable("a program's inspection");
  ExecSeen seen;
  seen.running = at(json, "Running") == true;
  seen.started = integer(json, "Pid") != 0;
  if (at(json, "ExitCode").is_number_integer()) seen.exit_code = at(json, "ExitCode").get<int>();
  return seen;
}

Result<std::vector<OneOffSeen>> parse_one_offs(std::string_view reply) {
  const Json json = Json::parse(reply, nullptr, false);
  if (!json.is_array()) return unreadable("a list of containers");
  std::vector<OneOffSeen> found;
  for (const Json& item : json) {
    OneOffSeen seen{.container_id = text(item, "Id"),
                    .session = text(at(item, "Labels"), kSessionLabel),
                    .created_at = TimePoint(Seconds(integer(item, "Created")))};
    if (!seen.session.empty()) found.push_back(std::move(seen));
  }
  return found;
}

}  // namespace gantry::docker
