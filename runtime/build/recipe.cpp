#include "runtime/build/recipe.hpp"

#include <algorithm>
#include <filesystem>

#include "proto/source_path.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/inside.hpp"
#include "runtime/build/nixpacks.hpp"

namespace gantry {
namespace {

constexpr std::size_t kFileBytes = 1024ULL * 1024;
constexpr std::string_view kDockerfile = "Dockerfile";
constexpr std::string_view kIgnoreFile = ".dockerignore";
// Where a Dockerfile from outside of the context stands when there is another one.
constexpr std::string_view kSecondDockerfile = ".gantry.Dockerfile";

struct Wanted {
  std::string path;      // as it was named
  std::string named_by;  // "build.dockerfilePath"; empty: nobody named it
};

Result<Wanted> wanted_dockerfile(const RecipeRequest& request) {
  if (request.settings.build.dockerfile_path)
    return Wanted{*request.settings.build.dockerfile_path, "build.dockerfilePath"};
  const auto variable = request.variables.find("RAILWAY_DOCKERFILE_PATH");
  if (variable == request.variables.end() || variable->second.empty())
    return Wanted{std::string(kDockerfile), ""};
  if (auto path = source_path(variable->second); path && !path->empty())
    return Wanted{*std::move(path), "RAILWAY_DOCKERFILE_PATH"};
  return Error{Code::invalid, "dockerfile_missing",
               "RAILWAY_DOCKERFILE_PATH leads out of the source: name a path below its root"};
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.find('/') == std::string::npos ? 0 : path.rfind('/'));
}

// Where it may be, from the source's root: in the root directory; a path that somebody wrote from
// the repository's root; beside the configuration file that names it.
std::vector<std::string> candidates(const RecipeRequest& request, const Wanted& wanted) {
  const BuildSettings& build = request.settings.build;
  std::vector<std::string> paths{join_source_path(build.root_directory.value_or(""), wanted.path)};
  if (wanted.named_by.empty()) return paths;
  std::vector<std::string> more{wanted.path};
  if (build.config_file)
    more.push_back(join_source_path(folder_of(*build.config_file), wanted.path));
  for (auto& path : more)
    if (std::find(paths.begin(), paths.end(), path) == paths.end())
      paths.push_back(std::move(path));
  return paths;
}

Error missing(const Wanted& wanted, const std::vector<std::string>& looked) {
  std::string places;
  for (const auto& path : looked) places += (places.empty() ? "" : " and ") + shown(path);
  const std::string who = wanted.named_by.empty() ? "the builder DOCKERFILE" : wanted.named_by;
  return {Code::invalid, "dockerfile_missing",
          who + " asks for a Dockerfile, and there is none: looked for " + places};
}

// The rules: those beside the Dockerfile, else the context's own.
Result<> read_ignore(const RecipeRequest& request, const std::string& beside, Recipe& recipe) {
  auto own = read_inside(request.root, beside + std::string(kIgnoreFile), kFileBytes);
  if (!own) return own.error();
  if (!*own) own = read_inside(recipe.context.folder, kIgnoreFile, kFileBytes);
  if (!own) return own.error();
  auto ignore = DockerIgnore::parse(own->value_or(""));
  if (!ignore) return ignore.error();
  recipe.context.ignore = *std::move(ignore);
  recipe.context.always.insert(std::string(kIgnoreFile));
  return done();
}

Result<Recipe> with_dockerfile(const RecipeRequest& request, const std::string& path) {
  const std::string root_directory = request.settings.build.root_directory.value_or("");
  Recipe recipe;
  recipe.context.folder = join_source_path(request.root, root_directory);
  auto text = read_inside(request.root, path, kFileBytes);
  if (!text) return text.error();
  recipe.text = text->value_or("");
  if (root_directory.empty() || path.starts_with(root_directory + "/")) {
    recipe.dockerfile = path.substr(root_directory.empty() ? 0 : root_directory.size() + 1);
    recipe.context.always.insert(recipe.dockerfile);
    if (is_link(request.root, path)) recipe.context.extra[recipe.dockerfile] = recipe.text;
  } else {
    recipe.dockerfile =
        has_file(recipe.context.folder, kDockerfile) ? kSecondDockerfile : kDockerfile;
    recipe.context.extra[recipe.dockerfile] = recipe.text;
  }
  GANTRY_TRY(read_ignore(request, path, recipe));
  recipe.lines.push_back(path == kDockerfile ? "Using detected Dockerfile!"
                                             : "Using detected Dockerfile! (" + shown(path) + ")");
  if (request.settings.build.build_command)
    recipe.lines.push_back("The build command is not used: the Dockerfile says how to build.");
  return recipe;
}

void append_lines(std::vector<std::string>& lines, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back("  " + std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Result<Recipe> with_detector(const RecipeRequest& request) {
  Recipe recipe;
  recipe.context.folder =
      join_source_path(request.root, request.settings.build.root_directory.value_or(""));
  auto plan = request.detect({recipe.context.folder, request.settings, request.variables});
  if (!plan) return plan.error();
  recipe.dockerfile = kDockerfile;
  recipe.text = plan->dockerfile;
  recipe.context.extra[recipe.dockerfile] = plan->dockerfile;
  if (has_file(recipe.context.folder, kIgnoreFile)) {
    GANTRY_TRY(read_ignore(
        request, join_source_path(request.settings.build.root_directory.value_or(""), kDockerfile),
        recipe));
  } else if (!plan->dockerignore.empty()) {
    auto ignore = DockerIgnore::parse(plan->dockerignore);
    if (!ignore) return ignore.error();
    recipe.context.ignore = *std::move(ignore);
    recipe.context.extra[std::string(kIgnoreFile)] = plan->dockerignore;
  }
  for (const auto& note : plan->notes) recipe.lines.push_back(note);
  recipe.lines.emplace_back("There is no Dockerfile; built with this one:");
  append_lines(recipe.lines, recipe.text);
  return recipe;
}

}  // namespace

Result<Recipe> choose_recipe(const RecipeRequest& request) {
  const auto wanted = wanted_dockerfile(request);
  if (!wanted) return wanted.error();
  const auto paths = candidates(request, *wanted);
  for (const auto& path : paths)
    if (has_file(request.root, path)) return with_dockerfile(request, path);
  const BuildSettings& build = request.settings.build;
  if (!wanted->named_by.empty() || build.builder == "DOCKERFILE") return missing(*wanted, paths);
  if (build.builder == "NIXPACKS")
    if (const auto program = find_program("nixpacks", request.program_folders))
      return with_nixpacks(request, *program);
  return with_detector(request);
}

}  // namespace gantry
