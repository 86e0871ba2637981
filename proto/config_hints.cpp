// What is said about a key that nobody knows: where it belongs, or which known name is nearest.
#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>

#include "proto/config_keys.hpp"
#include "proto/edit_distance.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

struct Hint {
  std::string_view key;     // its last part, in lower case
  std::string_view parent;  // empty: anywhere
  std::string_view text;
};

constexpr std::string_view kVariables =
    "variables are not read from this file: set them with `gantry variables --set NAME=value`";
constexpr std::string_view kPlan = "it belongs into nixpacks.toml, or under build.nixpacksPlan";
constexpr std::string_view kHealth =
    "use deploy.healthcheckPath, healthcheckTimeout and healthcheckInterval";
constexpr std::string_view kPort =
    "set the variable PORT; without it the image's only EXPOSE counts, else 8080";
constexpr std::string_view kPolicy = "use deploy.restartPolicyType and restartPolicyMaxRetries";
constexpr std::string_view kAfter =
    "nothing runs after a deployment; deploy.preDeployCommand runs "
    "before it";
constexpr std::string_view kContext = "the root directory of the service is the build's context";
constexpr std::string_view kImage =
    "an image is the source of a service, a setting outside of this "
    "file; a file describes what is built";
constexpr std::string_view kVolumes =
    "there are no volumes yet: what is written inside a container goes with it";
constexpr std::string_view kDomains =
    "domains are not read from this file: they are added with `gantry domain`";
constexpr std::string_view kName =
    "names are given outside of this file; under services each block's "
    "key is the service's name";

constexpr Hint kHints[] = {
    {"schema", "", "did you mean \"$schema\"?"},
    {"releasecommand", "", "use deploy.preDeployCommand"},
    {"predeploy", "", "use deploy.preDeployCommand"},
    {"migration", "", "use deploy.preDeployCommand"},
    {"migrate", "", "use deploy.preDeployCommand"},
    {"restartpolicy", "", kPolicy},
    {"dockerfile", "", "use build.dockerfilePath"},
    {"dockerfile_path", "", "use build.dockerfilePath"},
    {"command", "build", "use build.buildCommand"},
    {"commands", "build", "use build.buildCommand, with && between them"},
    {"cmd", "build", "use build.buildCommand"},
    {"command", "", "use deploy.startCommand"},
    {"cmd", "", "use deploy.startCommand"},
    {"start", "", "use deploy.startCommand"},
    {"run", "", "use deploy.startCommand"},
    {"crons", "", "use deploy.cronSchedule and startCommand, in a service of its own"},
    {"cron", "", "use deploy.cronSchedule and startCommand, in a service of its own"},
    {"croncommand", "", "use deploy.startCommand with cronSchedule, in a service of its own"},
    {"schedule", "", "use deploy.cronSchedule"},
    {"env", "", kVariables},
    {"envs", "", kVariables},
    {"envvars", "", kVariables},
    {"environment", "", kVariables},
    {"variables", "", kVariables},
    {"secrets", "", kVariables},
    {"args", "build",
     "a build sees the service's variables: declare them with ARG in the Dockerfile"},
    {"buildargs", "",
     "a build sees the service's variables: declare them with ARG in the Dockerfile"},
    {"phases", "", kPlan},
    {"nixpkgs", "", kPlan},
    {"providers", "", kPlan},
    {"packages", "", kPlan},
    {"healthcheck", "", kHealth},
    {"port", "", kPort},
    {"internalport", "", kPort},
    {"ports", "", kPort},
    {"expose", "", kPort},
    {"volumes", "", kVolumes},
    {"volume", "", kVolumes},
    {"mounts", "", kVolumes},
    {"domains", "", kDomains},
    {"domain", "", kDomains},
    {"autoscaling", "", "use deploy.autoscaling"},
    {"scaling", "", "use deploy.autoscaling"},
    {"autoscale", "", "use deploy.autoscaling"},
    {"hpa", "", "use deploy.autoscaling"},
    {"rollout", "", "use deploy.strategy"},
    {"deploymentstrategy", "", "use deploy.strategy"},
    {"updatestrategy", "", "use deploy.strategy"},
    {"sticky", "", "use deploy.traffic.stickySessions"},
    {"stickysessions", "", "use deploy.traffic.stickySessions"},
    {"loadbalancing", "", "use deploy.traffic.loadBalancing"},
    {"sleep", "", "use deploy.sleepApplication and deploy.sleepAfter"},
    {"instances", "", "use deploy.numReplicas"},
    {"replicas", "", "use deploy.numReplicas"},
    {"limits", "deploy.resources", "write cpu and memory directly under deploy.resources"},
    {"requests", "deploy.resources",
     "only limits are set: write cpu and memory under deploy.resources"},
    {"resources", "", "use deploy.resources"},
    {"hooks", "", kAfter},
    {"postdeploy", "", kAfter},
    {"postdeploycommand", "", kAfter},
    {"context", "", kContext},
    {"buildcontext", "", kContext},
    {"root", "", "use rootDirectory of a service's block, or the service's setting"},
    {"rootdirectory", "", "use rootDirectory of a service's block, or the service's setting"},
    {"rootdir", "", "use rootDirectory of a service's block, or the service's setting"},
    {"image", "", kImage},
    {"source", "", kImage},
    {"name", "", kName},
    {"project", "", kName},
    {"servicename", "", kName},
    {"branch", "", "the branch is a setting of the service"},
    {"installcommand", "", "put it into build.buildCommand"},
    {"environments", "", "environments stand at the top or in a service's block"},
    {"services", "", "services stand at the top; inside of one write environments.<name>"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Candidate {
  std::string_view path;  // as it is suggested
  std::string_view name;  // its last part
  bool here = false;      // in the same object
};

// Keys and groups, each once.
std::vector<Candidate> candidates(std::string_view parent) {
  std::vector<Candidate> all{{"environments", "environments", parent.empty()},
                             {"services", "services", parent.empty()}};
  const auto add = [&](std::string_view path) {
    const std::size_t dot = path.rfind('.');
    const bool top = dot == std::string_view::npos;
    const Candidate one{path, top ? path : path.substr(dot + 1),
                        (top ? std::string_view() : path.substr(0, dot)) == parent};
    const auto same = [&](const Candidate& other) { return other.path == path; };
    if (std::none_of(all.begin(), all.end(), same)) all.push_back(one);
  };
  for (const ConfigKey& key : config_keys()) {
    for (std::size_t dot = key.path.find('.'); dot != std::string_view::npos;
         dot = key.path.find('.', dot + 1))
      add(key.path.substr(0, dot));
    if (!key.setting.empty()) add(key.path);
  }
  return all;
}

std::string nearest(std::string_view parent, const std::string& key) {
  const Candidate* best = nullptr;
  std::size_t best_distance = 0;
  const auto all = candidates(parent);
  for (const Candidate& one : all) {
    // Two thirds of a name have to be right; a key of another object has to be nearly the same.
    const std::size_t distance = edit_distance(key, lower(one.name));
    if (distance > (one.here ? std::max<std::size_t>(one.name.size() / 3, 1) : 1)) continue;
    if (best == nullptr || distance < best_distance ||
        (distance == best_distance && one.here && !best->here)) {
      best = &one;
      best_distance = distance;
    }
  }
  if (best == nullptr) return {};
  return "did you mean \"" + std::string(best->here ? best->name : best->path) + "\"?";
}

bool looks_like_variable(std::string_view key) {
  return key.size() >= 2 &&
         key.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos &&
         key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
}

}  // namespace

std::string unknown_config_key(std::string_view parent, std::string_view key) {
  const std::string word = lower(key.substr(0, 64));
  std::string hint;
  if (key.size() <= 64) {
    const auto known = std::find_if(std::begin(kHints), std::end(kHints), [&](const Hint& one) {
      return one.key == word && (one.parent.empty() || one.parent == parent);
    });
    hint = nearest(parent, word);
    if (known != std::end(kHints)) hint = known->text;
    if (hint.empty() && looks_like_variable(key)) hint = kVariables;
  }
  return hint.empty() ? "unknown key, ignored" : "unknown key, ignored; " + hint;
}

std::string json_of(const ConfigNode& node) {
  std::string out;
  switch (node.kind) {
    case ConfigNode::Kind::null:
      return "null";
    case ConfigNode::Kind::boolean:
      return node.boolean ? "true" : "false";
    case ConfigNode::Kind::number:
      return node.text;
    case ConfigNode::Kind::string:
      append_json_string(out, node.text);
      return out;
    case ConfigNode::Kind::array:
      for (const ConfigNode& item : node.items) out += (out.empty() ? "" : ",") + json_of(item);
      return "[" + out + "]";
    case ConfigNode::Kind::object:
      for (const ConfigMember& member : node.members) {
        if (!out.empty()) out += ',';
        append_json_string(out, member.key);
        out += ':' + json_of(member.value);
      }
      return "{" + out + "}";
  }
  return out;
}

std::string brief(const ConfigNode& node) {
  constexpr std::size_t most = 60;
  if (node.is(ConfigNode::Kind::object) && !node.members.empty())
    return "with the key \"" + node.members.front().key.substr(0, most) + "\"";
  std::string text = json_of(node);
  if (text.size() <= most) return text;
  std::size_t end = most - 4;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + (node.is(ConfigNode::Kind::string) ? "...\"" : "...");
}

}  // namespace gantry
