// One service of a docker-compose.yml: the table of its keys.
#include <algorithm>
#include <array>

#include "proto/command.hpp"
#include "proto/compose_reader.hpp"
#include "proto/name.hpp"

namespace gantry::compose {
namespace {

using Kind = ConfigNode::Kind;

struct Key {
  std::string_view name;
  void (*read)(const ConfigNode&, const std::string& path, const Target&);
};

void read_image(const ConfigNode& node, const std::string& path, const Target& to) {
  const auto image = ImageRef::parse(node.text);
  if (!image) return to.context.refuse(node.at, path, image.error().detail);
  to.service.settings.source.image = *image;
}

void read_restart(const ConfigNode& node, const std::string& path, const Target& to) {
  DeploySettings& deploy = to.service.settings.deploy;
  const std::string& text = node.text;
  if (text == "no" || (node.is(Kind::boolean) && !node.boolean))
    deploy.restart_policy = RestartPolicy::never;
  else if (text == "always" || text == "unless-stopped")
    deploy.restart_policy = RestartPolicy::always;
  else if (text.starts_with("on-failure"))
    deploy.restart_policy = RestartPolicy::on_failure;
  else
    to.context.refuse(node.at, path, "expected no, always, on-failure or unless-stopped");
}

void read_grace(const ConfigNode& node, const std::string& path, const Target& to) {
  const auto seconds = is_text(node) ? seconds_of(node.text) : std::nullopt;
  if (!seconds) return to.context.refuse(node.at, path, "expected a duration, such as 30s");
  to.service.settings.deploy.draining_seconds = std::min(*seconds, 3600);
}

void read_depends(const ConfigNode& node, const std::string& path, const Target& to) {
  for (const ConfigMember& each : node.members) {
    const ConfigMember* condition = each.value.find("condition");
    if (condition != nullptr && condition->value.text == "service_completed_successfully")
      to.context.note(
          each.at, path + "." + each.key,
          "what " + each.key + " does once belongs into this service's pre_deploy_command");
  }
  to.context.note(node.at, path,
                  "services start at once: one that finds another missing is restarted "
                  "(restart_policy) until that one answers");
}

const std::array<Key, 17> kKeys{{{"image", read_image},
                                 {"build", read_build},
                                 {"ports", read_ports},
                                 {"expose", read_expose},
                                 {"volumes", read_volumes},
                                 {"env_file", read_env_file},
                                 {"environment", read_environment},
                                 {"entrypoint", nullptr},  // with the command
                                 {"command", nullptr},
                                 {"healthcheck", read_healthcheck},
                                 {"restart", read_restart},
                                 {"stop_grace_period", read_grace},
                                 {"depends_on", read_depends},
                                 {"deploy", read_deploy},
                                 {"scale", set_replicas},
                                 {"cpus", set_cpus},
                                 {"pids_limit", set_pids}}};

struct Advice {
  std::string_view key;
  std::string_view text;  // empty: nothing is lost
};

constexpr std::string_view kOneNetwork =
    "an environment is one network: every service reaches every other by its name";
constexpr std::string_view kNoPower =
    "containers get no more rights than others: do without it, or run this outside of Gantry";

constexpr std::array<Advice, 41> kAdvice{
    {{"container_name", ""},
     {"init", ""},
     {"tty", ""},
     {"stdin_open", ""},
     {"pull_policy", ""},
     {"platform", ""},
     {"labels", "labels have no counterpart; a proxy's rules become domains (`domain`)"},
     {"logging", "logs are kept by Gantry (`logs`); a driver of your own has no counterpart"},
     {"networks", kOneNetwork},
     {"network_mode", kOneNetwork},
     {"links", "say the other service's name instead of the alias"},
     {"external_links", "say the host name of the other service in a variable"},
     {"hostname", "a service is reached by its own name"},
     {"domainname", "a service is reached by its own name"},
     {"extra_hosts", "put addresses into variables"},
     {"dns", "the environment's own resolver is used"},
     {"dns_search", "the environment's own resolver is used"},
     {"user", "the image's USER counts: set it in the Dockerfile"},
     {"working_dir", "the image's WORKDIR counts: set it in the Dockerfile"},
     {"group_add", "the image's USER counts: set it in the Dockerfile"},
     {"privileged", kNoPower},
     {"cap_add", kNoPower},
     {"cap_drop", "NET_RAW is dropped for everybody; further ones are not"},
     {"security_opt", "no-new-privileges is set for everybody; further ones are not"},
     {"devices", kNoPower},
     {"gpus", kNoPower},
     {"pid", kNoPower},
     {"ipc", kNoPower},
     {"cgroup_parent", kNoPower},
     {"sysctls", kNoPower},
     {"ulimits", "limits are cpu_millicores, memory_bytes and pids_limit"},
     {"shm_size", "/dev/shm has 64 MiB"},
     {"tmpfs", "/tmp is in the container's own layer, gone with it"},
     {"read_only", "the container's own layer can be written, and is gone with it"},
     {"secrets", "put the secret into a variable: they are encrypted at rest"},
     {"configs", "put the file into the image, or its text into a variable"},
     {"stop_signal", "the image's STOPSIGNAL counts: set it in the Dockerfile"},
     {"mem_reservation", "nothing is reserved: memory_bytes is the limit"},
     {"memswap_limit", "there is no swap beyond memory_bytes"},
     {"extends", "what it extends is not read: write its keys here"},
     {"develop", "there is no watching of files: `up` deploys the folder"}}};

void report(const ConfigMember& member, const std::string& path, Context& context) {
  if (member.key.starts_with("x-")) return;
  const auto known = std::find_if(kAdvice.begin(), kAdvice.end(),
                                  [&](const Advice& each) { return each.key == member.key; });
  if (known == kAdvice.end())
    context.note(member.at, path, "it has no counterpart");
  else if (!known->text.empty())
    context.note(member.at, path, std::string(known->text));
}

// Names are DNS labels here.
std::string name_of(const std::string& text) {
  std::string name;
  for (const char c : text)
    name +=
        c == '_' || c == '.' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

// Of images whose entry point is the script that the official ones have: what it needs in front of
// a command of its own.
bool has_entrypoint_script(const std::string& image) {
  constexpr std::array<std::string_view, 12> names{
      "postgres", "mysql", "mariadb", "redis",     "mongo", "memcached",
      "rabbitmq", "node",  "nginx",   "wordpress", "ghost", "valkey/valkey"};
  const std::string path = image.substr(0, image.find_first_of(":@"));
  return std::find(names.begin(), names.end(), path) != names.end();
}

void read_commands(const ConfigNode& node, const std::string& path, const Target& to) {
  const ConfigMember* entrypoint = node.find("entrypoint");
  const ConfigMember* command = node.find("command");
  if (entrypoint == nullptr && command == nullptr) return;
  std::vector<std::string> argv;
  if (entrypoint != nullptr) argv = argv_of(entrypoint->value, path + ".entrypoint", to.context);
  std::vector<std::string> behind;
  if (command != nullptr) behind = argv_of(command->value, path + ".command", to.context);
  if (argv.empty() && behind.empty()) return;
  const auto& image = to.service.settings.source.image;
  if (argv.empty() && image) {
    if (has_entrypoint_script(image->str())) {
      const bool nginx = image->str().starts_with("nginx");
      argv.push_back(nginx ? "/docker-entrypoint.sh" : "docker-entrypoint.sh");
    } else {
      to.context.note(command->at, path + ".command",
                      "it runs instead of the image's entry point: where the image has one that "
                      "counts, write it in front of the command (start_command)");
    }
  }
  argv.insert(argv.end(), behind.begin(), behind.end());
  to.service.settings.deploy.start_command = std::move(argv);
}

}  // namespace

ComposeService read_service(const ConfigMember& written, Context& context) {
  const std::string& name = written.key;
  const ConfigNode& node = written.value;
  ComposeService service;
  service.name = name_of(name);
  service.settings.deploy.exposed = false;
  const std::string path = "services." + name;
  if (!Name::parse(service.name))
    context.refuse(written.at, path,
                   "\"" + name +
                       "\" cannot be a service's name: letters, digits and "
                       "hyphens, at most 30");
  else if (service.name != name)
    context.note(written.at, path,
                 "it is called " + service.name + " here: others reach it by that name");
  const Target to{path, service, context};
  for (const Key& key : kKeys)  // in this order: what is written here wins over an env_file
    if (const ConfigMember* member = node.find(key.name); member != nullptr && key.read != nullptr)
      key.read(member->value, path + "." + member->key, to);
  if (const ConfigMember* member = node.find("mem_limit"))
    set_memory(member->value, path + ".mem_limit", to);
  read_commands(node, path, to);
  for (const ConfigMember& member : node.members)
    if (member.key != "mem_limit" && member.key != "profiles" &&
        std::none_of(kKeys.begin(), kKeys.end(),
                     [&](const Key& key) { return key.name == member.key; }))
      report(member, path + "." + member.key, context);
  if (!service.settings.source.image && service.folder.empty())
    context.refuse(written.at, path, "it has neither an image nor a build");
  return service;
}

}  // namespace gantry::compose
