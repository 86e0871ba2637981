#include "runtime/docker/codec_exec.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "runtime/docker/codec.hpp"

namespace gantry::docker {
namespace {

using Json = nlohmann::json;

Error unreadable(const std::string& what) {
  return {Code::internal, "engine_reply_unreadable", "the engine did not answer with " + what};
}

Json environment(const ResolvedVariables& variables, const SessionId& session) {
  Json env = Json::array();
  for (const auto& [name, value] : variables) env.push_back(name + "=" + value);
  env.push_back(std::string(kSessionVariable) + "=" + session.str());
  return env;
}

std::string text_at(const Json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : "";
}

const Json& at(const Json& object, std::string_view key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

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

Json resources(const OneOffSpec& spec) {
  Json host = {
      {"NetworkMode", spec.network.name},
      {"RestartPolicy", {{"Name", "no"}}},
      {"Init", true},
      {"SecurityOpt", {"no-new-privileges:true"}},
      {"CapDrop", {"NET_RAW"}},
      {"LogConfig", {{"Type", "none"}}},  // whoever runs it reads it
  };
  if (spec.cpu_millicores > 0) host["NanoCpus"] = spec.cpu_millicores * 1'000'000LL;
  if (spec.memory_bytes > 0) {
    host["Memory"] = spec.memory_bytes;
    host["MemorySwap"] = spec.memory_bytes;
  }
  if (spec.pids_limit > 0) host["PidsLimit"] = spec.pids_limit;
  return host;
}

}  // namespace

std::string exec_body(const ExecSpec& spec, const SessionId& session) {
  Json body = {{"AttachStdin", spec.input},
               {"AttachStdout", true},
               {"AttachStderr", true},
               {"Tty", spec.terminal.has_value()},
               {"Env", environment(spec.variables, session)},
               {"Cmd", spec.command}};
  if (!spec.user.empty()) body["User"] = spec.user;
  return body.dump();
}

std::string exec_start_body(const ExecSpec& spec) {
  return Json{{"Detach", false}, {"Tty", spec.terminal.has_value()}}.dump();
}

std::string resize_query(const TerminalSize& size) {
  return "?h=" + std::to_string(size.rows) + "&w=" + std::to_string(size.columns);
}

std::string one_off_name(const InstallationId& installation, const SessionId& session) {
  return "gantry-" + std::string(installation.ulid().substr(18)) + "-ses-" +
         std::string(session.ulid());
}

std::string one_off_body(const OneOffSpec& spec, const InstallationId& installation) {
  Json body = {
      {"Image", spec.image},
      {"Env", environment(spec.variables, spec.session_id)},
      {"Tty", spec.terminal.has_value()},
      {"OpenStdin", spec.input},
      {"StdinOnce", spec.input},
      {"AttachStdin", spec.input},
      {"AttachStdout", true},
      {"AttachStderr", true},
      {"HostConfig", resources(spec)},
      {"Labels",
       {{kInstallationLabel, installation.str()},
        {kInstanceLabel, spec.instance_id.str()},
        {kEnvironmentLabel, spec.environment_id.str()},
        {kSessionLabel, spec.session_id.str()}}},
  };
  if (!spec.command.empty()) body["Entrypoint"] = spec.command;
  return body.dump();
}

Result<ContainerSeen> parse_container(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return unreadable("a container's inspection");
  const Json& state = at(json, "State");
  const Json& labels = at(at(json, "Config"), "Labels");
  ContainerSeen seen{.container_id = text_at(json, "Id"),
                     .installation = text_at(labels, kInstallationLabel),
                     .session = text_at(labels, kSessionLabel)};
  seen.running = at(state, "Running") == true;
  if (at(state, "ExitCode").is_number_integer()) seen.exit_code = at(state, "ExitCode").get<int>();
  seen.path = path_of(at(at(json, "Config"), "Env"));
  return seen;
}

Result<ExecSeen> parse_exec(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return unreadable("the state of a program");
  ExecSeen seen;
  seen.running = at(json, "Running") == true;
  seen.started = at(json, "Pid").is_number_integer() && at(json, "Pid") != 0;
  if (at(json, "ExitCode").is_number_integer()) seen.exit_code = at(json, "ExitCode").get<int>();
  return seen;
}

Result<std::vector<OneOffSeen>> parse_one_offs(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_array()) return unreadable("a list of containers");
  std::vector<OneOffSeen> found;
  for (const Json& item : json) {
    OneOffSeen seen{.container_id = text_at(item, "Id"),
                    .session = text_at(at(item, "Labels"), kSessionLabel)};
    if (at(item, "Created").is_number_integer())
      seen.created_at = TimePoint(Seconds(at(item, "Created").get<std::int64_t>()));
    if (!seen.session.empty()) found.push_back(std::move(seen));
  }
  return found;
}

}  // namespace gantry::docker
