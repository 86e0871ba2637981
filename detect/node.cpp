// Node: npm, pnpm, yarn, bun; workspaces; pages that are built once and served as files.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "detect/provider.hpp"

namespace gantry::detecting {
namespace {

using Json = nlohmann::json;

constexpr int kNodeDefault = 20;

struct Manager {
  std::string name = "npm";
  std::string version;  // exact or major; empty: the image's own
  std::string lockfile;
};

// What a package.json says, with everything that is missing or of another type as empty.
class Package {
 public:
  static Result<Package> read(const Source& source, const std::string& path) {
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
  std::string text(const char* key) const { return text_in(json_, key); }
  std::string script(const char* name) const { return text_in(at("scripts"), name); }
  std::string engine(const char* name) const { return text_in(at("engines"), name); }
  bool depends_on(const char* name) const {
    return at("dependencies").contains(name) || at("devDependencies").contains(name);
  }
  std::vector<std::string> workspaces() const {
    const Json& listed =
        at("workspaces").is_object() ? at("workspaces")["packages"] : at("workspaces");
    std::vector<std::string> found;
    if (listed.is_array())
      for (const Json& one : listed)
        if (one.is_string()) found.push_back(one.get<std::string>());
    return found;
  }

 private:
  const Json& at(const char* key) const {
    static const Json nothing = Json::object();
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nothing : *found;
  }
  static std::string text_in(const Json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
  }
  Json json_;
};

// packageManager, then the lockfile, then npm.
Manager manager_of(const Source& source, const Package& package, DetectedPlan& plan) {
  Manager manager;
  const auto lock = [&](std::initializer_list<std::string_view> files) {
    return first_file(source.tree, files);
  };
  const std::string field = package.text("packageManager");
  if (const auto at = field.find('@'); at != std::string::npos && at > 0) {
    manager.name = field.substr(0, at);
    manager.version = field.substr(at + 1, field.find('+') - at - 1);
  } else if (source.has("pnpm-lock.yaml")) {
    manager.name = "pnpm";
  } else if (source.has("yarn.lock")) {
    manager.name = "yarn";
  } else if (!lock({"bun.lock", "bun.lockb"}).empty()) {
    manager.name = "bun";
  }
  if (manager.name == "pnpm") {
    manager.lockfile = lock({"pnpm-lock.yaml"});
    const std::string text = source.text(manager.lockfile);
    const auto at = text.find("lockfileVersion:");
    const std::string version = at == std::string::npos ? "" : version_in(text.substr(at, 40), 1);
    if (manager.version.empty())
      manager.version = version == "5" ? "7" : version == "6" ? "8" : "9";
  } else if (manager.name == "yarn") {
    manager.lockfile = lock({"yarn.lock"});
    const bool berry = contains_word(source.text("yarn.lock"), "__metadata");
    if (manager.version.empty()) manager.version = berry ? "4" : "1";
  } else if (manager.name == "bun") {
    manager.lockfile = lock({"bun.lock", "bun.lockb"});
    if (manager.version.empty()) manager.version = "1";
  } else {
    manager.name = "npm";
    manager.lockfile = lock({"package-lock.json", "npm-shrinkwrap.json"});
  }
  plan.notes.push_back("Packages are installed with " + manager.name +
                       (manager.version.empty() ? "" : " " + manager.version) +
                       (manager.lockfile.empty() ? "; there is no lockfile, so versions may change"
                                                 : ", as " + manager.lockfile + " says") +
                       ".");
  return manager;
}

std::string node_version(const Source& source, const Package& package, DetectedPlan& plan) {
  std::string from = "the default", text = source.knob("NODE_VERSION");
  if (!text.empty()) from = "a variable";
  for (const char* file : {".nvmrc", ".node-version"})
    if (text.empty() && !version_in(source.text(file), 1).empty()) {
      text = source.text(file);
      from = file;
    }
  if (text.empty() && !package.engine("node").empty()) {
    text = package.engine("node");
    from = "engines in package.json";
  }
  std::string version = version_in(text, 1);
  // ">=18": whatever the default has is fine.
  const bool at_least = text.find(">=") != std::string::npos || text.find('*') != std::string::npos;
  if (version.empty() || version.size() > 3 || (at_least && std::stoi(version) <= kNodeDefault))
    version = std::to_string(kNodeDefault);
  plan.notes.push_back("Node.js " + version + ", by " + from + ".");
  return version;
}

std::string install_manager(const Manager& manager) {
  if (manager.name == "pnpm") return "npm install --global pnpm@" + manager.version;
  if (manager.name == "bun") return "npm install --global bun@" + manager.version;
  if (manager.name != "yarn") return {};
  // The official image has yarn 1.
  if (version_in(manager.version, 1) == "1")
    return "command -v yarn >/dev/null || npm install --global yarn@" +
           (manager.version == "1" ? "1.22.22" : manager.version);
  return "npm install --global --force @yarnpkg/cli-dist@" + manager.version;
}

std::string install_command(const Source& source, const Manager& manager) {
  if (const std::string knob = source.knob("INSTALL_CMD"); !knob.empty()) return knob;
  const bool locked = !manager.lockfile.empty();
  if (manager.name == "pnpm")
    return locked ? "pnpm install --frozen-lockfile --store-dir /root/.pnpm-store"
                  : "pnpm install --store-dir /root/.pnpm-store";
  if (manager.name == "bun") return locked ? "bun install --frozen-lockfile" : "bun install";
  if (manager.name == "yarn") {
    if (!locked) return "yarn install";
    return version_in(manager.version, 1) == "1" ? "yarn install --frozen-lockfile"
                                                 : "yarn install --immutable";
  }
  return locked ? "npm ci" : "npm install";
}

std::string cache_of(const Manager& manager) {
  if (manager.name == "pnpm") return cache("/root/.pnpm-store");
  if (manager.name == "bun") return cache("/root/.bun/install/cache");
  if (manager.name == "yarn")
    return cache(version_in(manager.version, 1) == "1" ? "/usr/local/share/.cache"
                                                       : "/root/.yarn/berry/cache");
  return cache("/root/.npm");
}

// Manifests of the workspaces' members: "packages/*" and plain paths, of package.json and
// pnpm-workspace.yaml.
std::vector<std::string> member_manifests(const Source& source, const Package& package) {
  std::vector<std::string> patterns = package.workspaces();
  const std::string yaml = source.text("pnpm-workspace.yaml");
  for (std::size_t begin = 0; begin < yaml.size();) {
    const auto end = std::min(yaml.find('\n', begin), yaml.size());
    std::string line = trimmed(std::string_view(yaml).substr(begin, end - begin));
    begin = end + 1;
    if (!line.starts_with("- ")) continue;
    line = trimmed(line.substr(2));
    std::erase_if(line, [](char c) { return c == '\'' || c == '"'; });
    patterns.push_back(line);
  }
  std::vector<std::string> found;
  const auto add = [&](const std::string& directory) {
    const std::string path = directory + "/package.json";
    if (source.has(path) && is_plain_path(path)) found.push_back(path);
  };
  for (std::string pattern : patterns) {
    if (pattern.starts_with("./")) pattern.erase(0, 2);
    if (pattern.starts_with("!")) continue;
    if (pattern.ends_with("/**")) pattern.pop_back();
    if (!pattern.ends_with("/*")) {
      add(pattern);
      continue;
    }
    pattern.resize(pattern.size() - 2);
    for (const std::string& name : source.tree.names(pattern)) add(pattern + "/" + name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// Whether the manifests alone are enough to install: a hook of the package may read its files.
bool installs_alone(const Source& source, const Package& package) {
  for (const char* hook : {"preinstall", "install", "postinstall", "prepare"})
    if (!package.script(hook).empty()) return false;
  return !package.depends_on("@prisma/client") && !source.tree.has_directory("patches");
}

void copy_manifests(const Source& source, const Package& package, const Manager& manager,
                    Lines& lines) {
  std::string files = "package.json";
  if (!manager.lockfile.empty()) files += " " + manager.lockfile;
  for (const char* more : {".npmrc", "pnpm-workspace.yaml", ".yarnrc", ".yarnrc.yml"})
    if (source.has(more)) files += std::string(" ") + more;
  lines.add("COPY " + files + " ./");
  if (source.tree.has_directory(".yarn")) lines.add("COPY .yarn .yarn");
  for (const std::string& path : member_manifests(source, package))
    lines.add("COPY " + path + " " + path);
}

// The start script itself where that means the same, so that signals reach the program.
std::string found_start(const Source& source, const Package& package, const Manager& manager) {
  const std::string script = package.script("start");
  if (!script.empty()) {
    const bool hooks = !package.script("prestart").empty() || !package.script("poststart").empty();
    return hooks ? manager.name + " run start" : script;
  }
  std::string main = package.text("main");
  if (!main.empty() && !source.has(main) && source.has(main + ".js")) main += ".js";
  if (!main.empty() && source.has(main)) return "node " + main;
  const std::string file = first_file(
      source.tree, {"server.js", "index.js", "app.js", "main.js", "src/index.js", "src/server.js"});
  return file.empty() ? "" : "node " + file;
}

// Where a tool that makes pages writes them; empty: this is none.
std::string page_directory(const Source& source, const Package& package) {
  if (package.script("build").empty() || !package.script("start").empty()) return {};
  if (!source.knob("NO_SPA").empty()) return {};
  if (const std::string knob = source.knob("SPA_OUTPUT_DIR"); !knob.empty()) return knob;
  if (package.depends_on("react-scripts")) return "build";
  if (package.depends_on("@angular/core")) return "dist/" + package.text("name") + "/browser";
  for (const char* tool : {"vite", "astro", "parcel", "vue", "preact"})
    if (package.depends_on(tool)) return "dist";
  return {};
}

void serve_pages(const std::string& directory, const std::string& version, DetectedPlan& plan,
                 Lines& lines) {
  plan.start_command = "serve --single --listen tcp://0.0.0.0:${PORT:-8080} /srv";
  plan.notes.push_back("The built pages of " + directory +
                       " are served; unknown paths get its "
                       "index.html.");
  lines.blank()
      .add("FROM node:" + version + "-slim")
      .run("npm install --global serve@14 && npm cache clean --force")
      .add("COPY --from=build /app/" + directory + " /srv")
      .add("ENV NODE_ENV=production")
      .add("USER node")
      .command(plan.start_command);
}

bool fits(const Source& source) { return source.has("package.json"); }

Result<DetectedPlan> plan(const Source& source) {
  DetectedPlan plan;
  const auto package = Package::read(source, "package.json");
  if (!package) return package.error();
  const std::string version = node_version(source, *package, plan);
  const Manager manager = manager_of(source, *package, plan);
  Lines lines;
  lines.add("FROM node:" + version + "-slim AS build").add("WORKDIR /app").add("ENV CI=true");
  if (const std::string install = install_manager(manager); !install.empty()) lines.run(install);
  const bool alone = installs_alone(source, *package);
  if (alone)
    copy_manifests(source, *package, manager, lines);
  else
    lines.add("COPY . .");
  lines.run(install_command(source, manager), cache_of(manager));
  if (alone) lines.add("COPY . .");
  const std::string build =
      build_command(source, package->script("build").empty() ? "" : manager.name + " run build");
  if (!build.empty()) lines.run(build);

  const std::string pages = page_directory(source, *package);
  const bool own_start = !source.options.start_command.empty() || source.has("Procfile");
  if (!pages.empty() && !own_start) {
    if (!is_plain_path(pages))
      return invalid("", "not_detected", "the directory of the built pages has an odd name");
    serve_pages(pages, version, plan, lines);
    return finish(std::move(plan), lines, source);
  }
  lines.blank()
      .add("FROM node:" + version + "-slim")
      .add("WORKDIR /app")
      .add("ENV NODE_ENV=production PATH=/app/node_modules/.bin:$PATH");
  if (const std::string install = install_manager(manager); !install.empty()) lines.run(install);
  lines.add("COPY --from=build --chown=node:node /app /app").add("USER node");
  lines.command(start_command(source, found_start(source, *package, manager), plan));
  return finish(std::move(plan), lines, source);
}

}  // namespace

const Provider kNode{"node", fits, plan};

}  // namespace gantry::detecting
