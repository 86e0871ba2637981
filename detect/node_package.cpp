#include "detect/node_package.hpp"

#include <algorithm>

namespace gantry::detecting {
namespace {

using Json = nlohmann::json;

bool has(const Json& object, const char* name) {
  return object.is_object() && object.find(name) != object.end();
}

std::string text_in(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<Package> Package::read(const Source& source, const std::string& path) {
  const std::string text = source.text(path);
  Package package;
  package.json_ = Json::parse(text, nullptr, false, true);
  if (package.json_.is_object()) return package;
  std::string where;
  try {
    const Json whole = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const auto upto = static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    where = ":" + std::to_string(1 + std::count(text.begin(), text.begin() + upto, '\n'));
  }
  return invalid("", "unreadable_file", path + where + ": this is no JSON object");
}

std::string Package::text(const char* key) const { return text_in(json_, key); }
std::string Package::script(const char* name) const { return text_in(at("scripts"), name); }
std::string Package::engine(const char* name) const { return text_in(at("engines"), name); }

bool Package::depends_on(const char* name) const {
  return has(at("dependencies"), name) || has(at("devDependencies"), name);
}

std::vector<std::string> Package::workspaces() const {
  const Json& field = at("workspaces");
  const auto packages = field.is_object() ? field.find("packages") : field.end();
  const Json& listed = field.is_object() && packages != field.end() ? *packages : field;
  std::vector<std::string> found;
  if (listed.is_array())
    for (const Json& one : listed)
      if (one.is_string()) found.push_back(one.get<std::string>());
  return found;
}

const Json& Package::at(const char* key) const {
  static const Json nothing = Json::object();
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nothing : *found;
}

PackageTool tool_of(const Source& source, const Package& package, DetectedPlan& plan) {
  PackageTool tool;
  const auto lock = [&](std::initializer_list<std::string_view> files) {
    return first_file(source.tree, files);
  };
  const std::string field = package.text("packageManager");
  if (const auto at = field.find('@'); at != std::string::npos && at > 0) {
    tool.name = field.substr(0, at);
    tool.version = field.substr(at + 1, field.find('+') - at - 1);
  } else if (source.has("pnpm-lock.yaml")) {
    tool.name = "pnpm";
  } else if (source.has("yarn.lock")) {
    tool.name = "yarn";
  } else if (!lock({"bun.lock", "bun.lockb"}).empty()) {
    tool.name = "bun";
  }
  if (tool.name == "pnpm") {
    tool.lockfile = lock({"pnpm-lock.yaml"});
    const std::string text = source.text(tool.lockfile);
    const auto at = text.find("lockfileVersion:");
    const std::string version = at == std::string::npos ? "" : version_in(text.substr(at, 40), 1);
    if (tool.version.empty()) tool.version = version == "5" ? "7" : version == "6" ? "8" : "9";
  } else if (tool.name == "yarn") {
    tool.lockfile = lock({"yarn.lock"});
    const bool berry = contains_word(source.text("yarn.lock"), "__metadata");
    if (tool.version.empty()) tool.version = berry ? "4" : "1";
  } else if (tool.name == "bun") {
    tool.lockfile = lock({"bun.lock", "bun.lockb"});
    if (tool.version.empty()) tool.version = "1";
  } else {
    tool.name = "npm";
    tool.lockfile = lock({"package-lock.json", "npm-shrinkwrap.json"});
  }
  plan.notes.push_back("Packages are installed with " + tool.name +
                       (tool.version.empty() ? "" : " " + tool.version) +
                       (tool.lockfile.empty() ? "; there is no lockfile, so versions may change"
                                              : ", as " + tool.lockfile + " says") +
                       ".");
  return tool;
}

std::string install_tool(const PackageTool& tool) {
  if (tool.name == "pnpm") return "npm install --global pnpm@" + tool.version;
  if (tool.name == "bun") return "npm install --global bun@" + tool.version;
  if (tool.name != "yarn") return {};
  // The official image has yarn 1.
  if (version_in(tool.version, 1) == "1")
    return "command -v yarn >/dev/null || npm install --global yarn@" +
           (tool.version == "1" ? "1.22.22" : tool.version);
  return "npm install --global --force @yarnpkg/cli-dist@" + tool.version;
}

std::string install_command(const Source& source, const PackageTool& tool) {
  if (const std::string knob = source.knob("INSTALL_CMD"); !knob.empty()) return knob;
  const bool locked = !tool.lockfile.empty();
  if (tool.name == "pnpm")
    return locked ? "pnpm install --frozen-lockfile --store-dir /root/.pnpm-store"
                  : "pnpm install --store-dir /root/.pnpm-store";
  if (tool.name == "bun") return locked ? "bun install --frozen-lockfile" : "bun install";
  if (tool.name == "yarn") {
    if (!locked) return "yarn install";
    return version_in(tool.version, 1) == "1" ? "yarn install --frozen-lockfile"
                                              : "yarn install --immutable";
  }
  return locked ? "npm ci" : "npm install";
}

std::string cache_of(const PackageTool& tool) {
  if (tool.name == "pnpm") return cache("/root/.pnpm-store");
  if (tool.name == "bun") return cache("/root/.bun/install/cache");
  if (tool.name == "yarn")
    return cache(version_in(tool.version, 1) == "1" ? "/usr/local/share/.cache"
                                                    : "/root/.yarn/berry/cache");
  return cache("/root/.npm");
}

}  // namespace gantry::detecting
