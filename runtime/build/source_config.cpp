#include "runtime/build/source_config.hpp"

#include <algorithm>
#include <optional>

#include "proto/codec.hpp"
#include "proto/expand.hpp"
#include "proto/mount_path.hpp"
#include "proto/source_path.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/inside.hpp"

namespace gantry {
namespace {

constexpr std::size_t kFileBytes = 4ULL * 1024 * 1024;  // the reader says what is too much
constexpr std::size_t kErrorsShown = 3;

// The file's path from the root; empty: there is none.
Result<std::string> find_file(const std::string& root, const BuildSettings& build) {
  if (build.config_file) {
    if (has_file(root, *build.config_file)) return *build.config_file;
    return Error{Code::invalid, "config_missing",
                 "the configuration file " + shown(*build.config_file) +
                     " is not in the source (build.config_file), which holds " +
                     contents_line(root)};
  }
  for (const std::string& folder : {build.root_directory.value_or(""), std::string()})
    for (const auto name : kConfigFileNames)
      if (const auto path = join_source_path(folder, name); has_file(root, path)) return path;
  return std::string();
}

ConfigPosition position_of(const ConfigResult& result, std::string_view key) {
  for (const auto& setting : result.effective)
    if (setting.key == key && setting.origin.kind == ConfigOrigin::Kind::file)
      return setting.origin.at;
  return {};
}

void warn(ConfigResult& result, const std::string& key, const std::string& message) {
  const ConfigProblem problem{ConfigSeverity::warning, position_of(result, key), key, message};
  const auto behind = std::upper_bound(
      result.problems.begin(), result.problems.end(), problem, [](const auto& a, const auto& b) {
        return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
      });
  result.problems.insert(behind, problem);
}

std::string error_line(const std::string& file, const ConfigProblem& problem) {
  std::string line = file;
  if (problem.at.line > 0)
    line += ":" + std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column);
  return line + ": " + (problem.key.empty() ? "" : problem.key + ": ") + problem.message;
}

Error config_errors(const std::string& file, const ConfigResult& result) {
  std::string detail;
  std::size_t count = 0;
  for (const auto& problem : result.problems) {
    if (problem.severity != ConfigSeverity::error || ++count > kErrorsShown) continue;
    detail += (detail.empty() ? "" : "\n") + error_line(file, problem);
  }
  if (count > kErrorsShown)
    detail += "\nand " + std::to_string(count - kErrorsShown) + " more errors";
  return {Code::invalid, "config_invalid", detail};
}

Result<> check_mount(const std::string& file, const ConfigResult& result,
                     const PrepareOrder& order) {
  const auto& path = result.config.required_mount_path;
  if (!path) return done();
  const auto wanted = parse_mount_path(*path);
  if (wanted && std::find(order.mount_paths.begin(), order.mount_paths.end(), *wanted) !=
                    order.mount_paths.end())
    return done();
  return Error{
      Code::invalid, "volume_missing",
      error_line(file, {ConfigSeverity::error, position_of(result, "deploy.requiredMountPath"),
                        "deploy.requiredMountPath",
                        "no volume is mounted at " + shown(*path) +
                            ": `gantry volume add NAME --mount-path " + shown(*path) + " -s " +
                            order.service + "`, then deploy again"})};
}

// A file for one service that others read as well: they would all run its start command.
void judge_sharing(const std::string& root, const std::string& file, const PrepareOrder& order,
                   ConfigResult& result) {
  const auto has_block = [&](const std::string& service) {
    return std::find(result.services.begin(), result.services.end(), service) !=
           result.services.end();
  };
  if (has_block(order.service)) return;
  std::string names;
  for (const Neighbour& one : order.neighbours) {
    if (has_block(one.service)) continue;
    const auto theirs = find_file(root, one.build);
    if (theirs && *theirs == file) names += (names.empty() ? "" : ", ") + one.service;
  }
  if (names.empty()) return;
  warn(result, "",
       "it is also the file of " + names + ", so that all of it counts for each of them: give " +
           "each a block under services.<name>, or a file of its own (its setting " +
           "build.config_file)");
}

// On Railway a Dockerfile's start command runs without a shell.
void judge_start_command(const std::string& root, ConfigResult& result) {
  const Settings& settings = result.config.settings;
  const auto at = position_of(result, "deploy.startCommand");
  if (settings.build.builder == "DOCKERFILE" || settings.build.dockerfile_path)
    return;  // then the reader has said it
  if (at.line == 0 || !only_expands(settings.deploy.start_command)) return;
  const std::string folder = settings.build.root_directory.value_or("");
  if (!has_file(root, join_source_path(folder, "Dockerfile"))) return;
  warn(result, "deploy.startCommand", std::string(kVariablesPutIn));
}

Result<> check_root_directory(const std::string& root, const BuildSettings& build) {
  if (!build.root_directory || has_folder(root, *build.root_directory)) return done();
  return Error{Code::invalid, "root_directory_missing",
               "the root directory " + shown(*build.root_directory) +
                   " is not in the source, which holds " + contents_line(root)};
}

}  // namespace

Result<SourceConfig> source_config(const std::string& root, const PrepareOrder& order,
                                   const std::optional<std::string>& preview_base) {
  const auto file = find_file(root, order.settings.build);
  if (!file) return file.error();
  SourceConfig config{.settings = order.settings, .file = *file, .json = {}, .lines = {}};
  if (!file->empty()) {
    auto text = read_inside(root, *file, kFileBytes);
    if (!text) return text.error();
    ConfigRequest request;
    request.file_name = *file;
    request.text = text->value_or("");
    if (!order.environment.empty()) request.environment = order.environment;
    request.base_environment = preview_base;
    if (!order.service.empty()) request.service = order.service;
    request.instance.settings = order.settings;
    ConfigResult result = read_config(request);
    if (!result.ok()) return config_errors(*file, result);
    GANTRY_TRY(check_mount(*file, result, order));
    judge_sharing(root, *file, order, result);
    judge_start_command(root, result);
    for (const auto& problem : result.problems) config.lines.push_back(config_line(*file, problem));
    config.settings = result.config.settings;
    config.json = config_json(*file, result);
  }
  if (!order.once.empty()) {
    auto merged = merge_settings(config.settings, "{\"deploy\":" + order.once + "}");
    if (!merged) return merged.error();
    config.settings = *std::move(merged);
  }
  GANTRY_TRY(check_root_directory(root, config.settings.build));
  return config;
}

}  // namespace gantry
