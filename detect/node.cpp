// Node: npm, pnpm, yarn, bun; workspaces; pages that are built once and served as files.
#include <algorithm>

#include "detect/node_package.hpp"

namespace gantry::detecting {
namespace {

constexpr int kNodeDefault = 20;

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

void copy_manifests(const Source& source, const Package& package, const PackageTool& tool,
                    Lines& lines) {
  std::string files = "package.json";
  if (!tool.lockfile.empty()) files += " " + tool.lockfile;
  for (const char* more : {".npmrc", "pnpm-workspace.yaml", ".yarnrc", ".yarnrc.yml"})
    if (source.has(more)) files += std::string(" ") + more;
  lines.add("COPY " + files + " ./");
  if (source.tree.has_directory(".yarn")) lines.add("COPY .yarn .yarn");
  for (const std::string& path : member_manifests(source, package))
    lines.add("COPY " + path + " " + path);
}

// The start script itself where that means the same, so that signals reach the program.
std::string found_start(const Source& source, const Package& package, const PackageTool& tool) {
  const std::string script = package.script("start");
  if (!script.empty()) {
    const bool hooks = !package.script("prestart").empty() || !package.script("poststart").empty();
    return hooks ? tool.name + " run start" : script;
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
  const PackageTool tool = tool_of(source, *package, plan);
  Lines lines;
  lines.add("FROM node:" + version + "-slim AS build").add("WORKDIR /app").add("ENV CI=true");
  if (const std::string install = install_tool(tool); !install.empty()) lines.run(install);
  const bool alone = installs_alone(source, *package);
  if (alone)
    copy_manifests(source, *package, tool, lines);
  else
    lines.add("COPY . .");
  lines.run(install_command(source, tool), cache_of(tool));
  if (alone) lines.add("COPY . .");
  const std::string build =
      build_command(source, package->script("build").empty() ? "" : tool.name + " run build");
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
  if (const std::string install = install_tool(tool); !install.empty()) lines.run(install);
  lines.add("COPY --from=build --chown=node:node /app /app").add("USER node");
  lines.command(start_command(source, found_start(source, *package, tool), plan));
  return finish(std::move(plan), lines, source);
}

}  // namespace

const Provider kNode{"node", fits, plan};

}  // namespace gantry::detecting
