#include "proto/config_file.hpp"

#include <algorithm>
#include <map>

#include "proto/command.hpp"
#include "proto/config_keys.hpp"
#include "proto/config_rules.hpp"
#include "proto/expand.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;
constexpr std::size_t kProblemsMax = 200;

// What one block of the file says: the file itself, an environment, a service ...
struct Block {
  DeploymentConfig values;
  std::map<std::string_view, ConfigOrigin> origins;  // by setting; present: said here
};

enum class Place { root, environment, service, service_environment };

class Reader {
 public:
  Reader(const ConfigRequest& request, ConfigResult& result) : request_(request), result_(result) {}

  void read() {
    ConfigText text = parse_config_text(request_.file_name, request_.text);
    for (ConfigRemark& error : text.errors)
      result_.problems.push_back({ConfigSeverity::error, error.at, "", std::move(error.message)});
    for (ConfigRemark& remark : text.remarks)
      result_.problems.push_back(
          {ConfigSeverity::warning, remark.at, "", std::move(remark.message)});
    if (!text.errors.empty()) return;
    if (!text.root.is(Kind::object))
      return say(ConfigSeverity::error, text.root.at, "",
                 "expected an object with \"build\" and \"deploy\", received " +
                     std::string(kind_name(text.root.kind)));
    if (const ConfigMember* document = text.root.find("project")) {
      say(ConfigSeverity::notice, document->at, "project",
          "this is a project's document, which `gantry config apply` applies: it sets nothing for "
          "a deployment");
      return merge();
    }
    block("", text.root, Place::root);
    const bool ignored = result_.count(ConfigSeverity::warning) > text.remarks.size();
    const bool silent = std::all_of(blocks_.begin(), blocks_.end(),
                                    [](const auto& one) { return one.second.origins.empty(); });
    if (ignored && silent)
      say(ConfigSeverity::warning, {}, "", "no key of this file is known: it sets nothing");
    merge();
  }

 private:
  // A key with its value in the file, on its way to the table. A null value resets.
  struct Entry {
    const ConfigKey* key = nullptr;
    std::string path;
    const ConfigNode* node = nullptr;
  };

  void say(ConfigSeverity severity, ConfigPosition at, std::string key, std::string message) {
    result_.problems.push_back({severity, at, std::move(key), std::move(message)});
  }

  static std::string join(std::string_view path, std::string_view key) {
    return (path.empty() ? "" : std::string(path) + ".") + std::string(key);
  }

  void block(const std::string& path, const ConfigNode& node, Place place) {
    if (node.is(Kind::null)) return;
    if (!node.is(Kind::object))
      return ConfigField{node, path, result_.problems}.wrong_type("an object");
    std::vector<Entry> entries;
    for (const ConfigMember& member : node.members) {
      const std::string full = join(path, member.key);
      const bool nests = place == Place::root || place == Place::service;
      if (place == Place::root && member.key == "$schema") continue;
      if (nests && member.key == "environments")
        environments(full, member.value, place);
      else if (place == Place::root && member.key == "services")
        services(full, member);
      else
        collect(member, "", full, place, entries);
    }
    apply(blocks_[path], entries);
  }

  void environments(const std::string& path, const ConfigNode& node, Place place) {
    if (node.is(Kind::null)) return;
    if (!node.is(Kind::object))
      return ConfigField{node, path, result_.problems}.wrong_type(
          "an object with a block for each environment");
    for (const ConfigMember& member : node.members) {
      if (member.key.substr(0, 2) == "x-") continue;
      block(join(path, member.key), member.value,
            place == Place::root ? Place::environment : Place::service_environment);
      note(result_.environments, member.key);
    }
  }

  static void note(std::vector<std::string>& names, const std::string& one) {
    if (std::find(names.begin(), names.end(), one) == names.end()) names.push_back(one);
  }

  void services(const std::string& path, const ConfigMember& member) {
    if (member.value.is(Kind::array)) return listed_services(path, member);
    if (member.value.is(Kind::null)) return;
    if (!member.value.is(Kind::object))
      return ConfigField{member.value, path, result_.problems}.wrong_type(
          "an object with a block for each service");
    for (const ConfigMember& service : member.value.members) {
      if (service.key.substr(0, 2) == "x-") continue;
      block(join(path, service.key), service.value, Place::service);
      note(result_.services, service.key);
    }
  }

  // [[services]] with a name in each: not the form of the file, but its meaning is plain.
  void listed_services(const std::string& path, const ConfigMember& list) {
    say(ConfigSeverity::warning, list.at, path,
        "a list is read by the name in each of its blocks; write services.<name>");
    for (const ConfigNode& item : list.value.items) {
      ConfigNode node = item;
      const ConfigMember* name = node.find("name");
      if (name == nullptr) name = node.find("serviceName");
      if (name == nullptr || !name->value.is(Kind::string)) {
        say(ConfigSeverity::warning, item.at, path, "a block without a name, ignored");
        continue;
      }
      const std::string service = name->value.text;
      node.members.erase(node.members.begin() + (name - node.members.data()));
      block(join(path, service), node, Place::service);
      note(result_.services, service);
    }
  }

  static const ConfigKey* find_key(const std::string& path, Place place) {
    const auto keys = config_keys();
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [&](const ConfigKey& key) { return key.path == path; });
    if (found == keys.end()) return nullptr;
    const bool of_service = path.find('.') == std::string::npos;
    if (of_service && place != Place::service && place != Place::service_environment)
      return nullptr;
    return &*found;
  }

  void collect(const ConfigMember& member, const std::string& parent, const std::string& full,
               Place place, std::vector<Entry>& entries) {
    if (member.key.substr(0, 2) == "x-" || member.key.substr(0, 2) == "X-") return;
    // A dot in a quoted key would read as a path.
    const bool dotted = member.key.find('.') != std::string::npos;
    const std::string path = join(parent, member.key);
    const ConfigKey* key = dotted ? nullptr : find_key(path, place);
    if (key != nullptr) {
      if (!key->setting.empty()) return entries.push_back({key, full, &member.value});
      const bool secret = path == "deploy.registryCredentials";
      return say(secret ? ConfigSeverity::warning : ConfigSeverity::notice, member.at, full,
                 std::string(key->why));
    }
    if (dotted || !is_config_group(path)) {
      if (result_.problems.size() < kProblemsMax)
        say(ConfigSeverity::warning, member.at, full, unknown_config_key(parent, member.key));
      return;
    }
    if (member.value.is(Kind::object)) {
      for (const ConfigMember& inner : member.value.members)
        collect(inner, path, join(full, inner.key), place, entries);
    } else if (!member.value.is(Kind::null)) {
      wrong_group(member, full);
    } else if (path != "build" && path != "deploy") {  // those are empty in YAML, and say nothing
      for (const ConfigKey& one : config_keys())
        if (one.path.substr(0, path.size() + 1) == path + "." && !one.setting.empty())
          entries.push_back({&one, full, &member.value});
    }
  }

  void wrong_group(const ConfigMember& member, const std::string& full) {
    std::string fix;
    if (member.value.is(Kind::string) && member.key == "build")
      fix = "a command goes to build.buildCommand";
    if (member.value.is(Kind::string) && member.key == "deploy")
      fix = "a command goes to deploy.startCommand";
    ConfigField{member.value, full, result_.problems}.wrong_type("an object", fix);
  }

  // Of several keys for one setting the last in the table counts, and a value counts before null.
  void apply(Block& block, std::vector<Entry>& entries) {
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      const bool a_null = a.node->is(Kind::null);
      const bool b_null = b.node->is(Kind::null);
      return a_null != b_null ? a_null : a.key < b.key;
    });
    std::map<std::string_view, std::string> said;
    for (const Entry& entry : entries) {
      const auto settings = config_settings();
      const auto setting =
          std::find_if(settings.begin(), settings.end(),
                       [&](const ConfigSetting& s) { return s.path == entry.key->setting; });
      const DeploymentConfig before = block.values;
      if (entry.node->is(Kind::null)) {
        setting->copy({}, block.values);
      } else {
        entry.key->read({*entry.node, entry.path, result_.problems}, block.values);
        const auto [other, first] = said.emplace(entry.key->setting, entry.path);
        if (!first && !setting->same(before, block.values))
          say(ConfigSeverity::warning, entry.node->at, entry.path,
              other->second + " says otherwise: this one counts");
      }
      block.origins[entry.key->setting] = {ConfigOrigin::Kind::file, request_.file_name,
                                           entry.node->at, entry.path};
    }
  }

  // The blocks that count for this deployment, weakest first.
  std::vector<std::string> layers() {
    std::vector<std::string> names;
    if (request_.base_environment) {
      names.push_back(*request_.base_environment);
      names.push_back("pr");
    }
    if (request_.environment) names.push_back(*request_.environment);
    const std::string service = request_.service ? "services." + *request_.service : "";
    std::vector<std::string> paths{""};
    if (request_.service) paths.push_back(service);
    for (const std::string& one : names) paths.push_back("environments." + one);
    if (request_.service)
      for (const std::string& one : names) paths.push_back(service + ".environments." + one);
    return paths;
  }

  void merge() {
    result_.config = request_.instance;
    std::map<std::string_view, ConfigOrigin> origins;
    for (const std::string& path : layers()) {
      const auto found = blocks_.find(path);
      if (found == blocks_.end()) continue;
      for (const ConfigSetting& setting : config_settings()) {
        const auto origin = found->second.origins.find(setting.path);
        if (origin == found->second.origins.end()) continue;
        setting.copy(found->second.values, result_.config);
        origins[setting.path] = origin->second;
      }
    }
    for (const ConfigSetting& setting : config_settings()) {
      ConfigOrigin origin;
      if (const auto found = origins.find(setting.path); found != origins.end())
        origin = found->second;
      else if (!setting.same(request_.instance, {}))
        origin.kind = ConfigOrigin::Kind::setting;
      result_.effective.push_back(
          {std::string(setting.path), setting.show(result_.config), origin});
    }
    rules(origins);
    remarks(origins);
  }

  // What is right in itself but not together, with what the service's own settings say too.
  void rules(const std::map<std::string_view, ConfigOrigin>& origins) {
    for (const BrokenConfigRule& rule : broken_config_rules(result_.config.settings.deploy)) {
      const auto written = std::find_if(
          rule.settings.begin(), rule.settings.end(),
          [&](std::string_view setting) { return origins.find(setting) != origins.end(); });
      if (written == rule.settings.end()) continue;
      const ConfigOrigin& origin = origins.at(*written);
      say(ConfigSeverity::error, origin.at, origin.key, rule.message);
    }
  }

  // What is right in itself but will not do what it seems to.
  void remarks(const std::map<std::string_view, ConfigOrigin>& origins) {
    const auto remark = [&](std::string_view setting, ConfigSeverity severity,
                            std::string message) {
      const auto found = origins.find(setting);
      if (found != origins.end())
        say(severity, found->second.at, found->second.key, std::move(message));
    };
    const BuildSettings& build = result_.config.settings.build;
    const bool dockerfile = build.builder == "DOCKERFILE" || build.dockerfile_path;
    if (dockerfile && build.build_command)
      remark("build.buildCommand", ConfigSeverity::notice,
             "not used: a Dockerfile is built by its own steps");
    const auto& start_command = result_.config.settings.deploy.start_command;
    if (dockerfile && only_expands(start_command))
      remark("deploy.startCommand", ConfigSeverity::warning, std::string(kVariablesPutIn));
    else if (dockerfile && through_shell(start_command))
      remark("deploy.startCommand", ConfigSeverity::notice,
             "runs through /bin/sh, which the image has to have");
    const DeploySettings& deploy = result_.config.settings.deploy;
    if (!deploy.cron.schedule.empty())
      for (const std::string_view idle : {"deploy.numReplicas", "deploy.sleepApplication",
                                          "deploy.autoscaling.max", "deploy.healthcheckPath"})
        remark(idle, ConfigSeverity::notice,
               "not used: with a cronSchedule the service runs at its times, once");
    if (request_.service && !result_.services.empty() &&
        std::find(result_.services.begin(), result_.services.end(), *request_.service) ==
            result_.services.end())
      say(ConfigSeverity::notice, {}, "services",
          "there is no block for the service \"" + *request_.service + "\"");
    const std::string environment = request_.environment.value_or("");
    for (const std::string& one : result_.environments)
      if (request_.environment && one != environment && lower(one) == lower(environment))
        say(ConfigSeverity::warning, {}, "environments." + one,
            "not used for the environment \"" + environment + "\": upper and lower case count");
  }

  static std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    return text;
  }

  const ConfigRequest& request_;
  ConfigResult& result_;
  std::map<std::string, Block, std::less<>> blocks_;  // by path
};

}  // namespace

bool ConfigResult::ok() const { return count(ConfigSeverity::error) == 0; }

std::size_t ConfigResult::count(ConfigSeverity severity) const {
  return static_cast<std::size_t>(
      std::count_if(problems.begin(), problems.end(),
                    [&](const ConfigProblem& problem) { return problem.severity == severity; }));
}

ConfigResult read_config(const ConfigRequest& request) {
  ConfigResult result;
  Reader(request, result).read();
  std::stable_sort(result.problems.begin(), result.problems.end(),
                   [](const ConfigProblem& a, const ConfigProblem& b) { return a.at < b.at; });
  if (!result.ok()) result.config = request.instance;
  return result;
}

}  // namespace gantry
