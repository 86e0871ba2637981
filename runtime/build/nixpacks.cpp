#include "runtime/build/nixpacks.hpp"

#include <algorithm>
#include <filesystem>

#include <unistd.h>

#include "proto/source_path.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/inside.hpp"
#include "runtime/process.hpp"

namespace gantry {
namespace {

constexpr std::string_view kWritten = ".nixpacks/Dockerfile";
constexpr std::size_t kFileBytes = 1024ULL * 1024;
constexpr std::size_t kShownBytes = 2000;

// What would change the program itself and not what it writes.
bool steers_programs(std::string_view name) {
  constexpr std::string_view kNames[] = {"PATH", "HOME", "IFS", "SHELL", "TMPDIR", "LANG"};
  constexpr std::string_view kPrefixes[] = {"LD_", "GLIBC_", "GCONV_", "MALLOC_", "LC_", "RUST_"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](auto prefix) { return name.starts_with(prefix); });
}

Program program_of(const RecipeRequest& request, const std::string& path,
                   const std::string& folder) {
  const Settings& settings = request.settings;
  Program program;
  program.argv = {path, "build", folder, "--out", request.scratch};
  const auto option = [&](const std::string& name, const std::string& value) {
    program.argv.insert(program.argv.end(), {name, value});
  };
  if (settings.build.build_command) option("--build-cmd", *settings.build.build_command);
  if (settings.build.nixpacks_config_path) option("--config", *settings.build.nixpacks_config_path);
  if (!settings.build.nixpacks_plan.empty()) option("--json-plan", settings.build.nixpacks_plan);
  program.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", request.scratch}};
  // By name alone, so that no value stands in the list of processes.
  for (const auto& [name, value] : request.variables) {
    if (steers_programs(name)) continue;
    option("--env", name);
    program.environment[name] = value;
  }
  program.working_directory = folder;
  return program;
}

}  // namespace

std::optional<std::string> find_program(std::string_view name,
                                        const std::vector<std::string>& folders) {
  for (const auto& folder : folders)
    if (std::string path = folder + "/" + std::string(name); ::access(path.c_str(), X_OK) == 0)
      return path;
  return std::nullopt;
}

Result<Recipe> with_nixpacks(const RecipeRequest& request, const std::string& program) {
  const std::string folder =
      join_source_path(request.root, request.settings.build.root_directory.value_or(""));
  std::error_code failed;
  std::filesystem::create_directories(request.scratch, failed);
  if (failed) return io_error("cannot make a folder for nixpacks", failed.value());
  const auto ran = run(program_of(request, program, folder), request.program_seconds);
  if (!ran) return ran.error();
  if (ran->exit_code != 0) {
    const std::size_t from = ran->output.size() - std::min(ran->output.size(), kShownBytes);
    return Error{
        Code::invalid, "nixpacks_failed",
        "nixpacks ended with " + std::to_string(ran->exit_code) + ": " + ran->output.substr(from)};
  }
  auto text = read_inside(request.scratch, kWritten, kFileBytes);
  if (!text) return text.error();
  if (!*text)
    return Error{Code::invalid, "nixpacks_failed",
                 "nixpacks has written no " + std::string(kWritten)};
  Recipe recipe;
  recipe.context.folder = request.scratch;
  recipe.context.always = {std::string(kWritten)};
  recipe.dockerfile = kWritten;
  recipe.text = **text;
  recipe.lines.push_back("Built with " + program + ":");
  for (std::string_view output = ran->output; !output.empty();) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    recipe.lines.push_back("  " + std::string(output.substr(0, end)));
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return recipe;
}

}  // namespace gantry
