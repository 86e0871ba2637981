// gantry build --plan: what the server would build of a directory, without a server.
#include <filesystem>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "detect/detect.hpp"
#include "proto/command.hpp"
#include "proto/config_file.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kDockerfile = "Dockerfile";

// The settings of the directory's own file; those of a service without one.
Settings settings_of(Session& session, const SourceTree& tree) {
  for (const std::string_view name : kConfigFileNames) {
    const auto text = tree.read(name);
    if (!text) continue;
    ConfigRequest request;
    request.file_name = name;
    request.text = *text;
    request.environment = session.call().value("--environment");
    request.service = session.call().value("--service");
    ConfigResult result = read_config(request);
    for (const auto& problem : result.problems) session.note(config_line(name, problem));
    if (!result.ok())
      throw Failure{std::string(name) + " has errors", "config_invalid",
                    "`{program} config check` shows every setting"};
    session.note("Using the configuration of " + std::string(name) + ".");
    return std::move(result.config.settings);
  }
  return {};
}

DetectedPlan plan_of(const SourceTree& tree, const Settings& settings) {
  const std::string file = settings.build.dockerfile_path.value_or(kDockerfile);
  if (auto text = tree.read(file))
    return {.provider = "dockerfile",
            .dockerfile = *std::move(text),
            .dockerignore = tree.read(".dockerignore").value_or(""),
            .start_command = command_text(settings.deploy.start_command),
            .notes = {"Using detected " + file + "!"}};
  if (settings.build.dockerfile_path || settings.build.builder == "DOCKERFILE")
    throw Failure{"there is no " + file, "dockerfile_missing",
                  "add it, or take build.dockerfilePath and the builder DOCKERFILE out"};
  auto plan = detect(tree, {.build_command = settings.build.build_command.value_or(""),
                            .start_command = command_text(settings.deploy.start_command),
                            .variables = {}});
  if (!plan) throw Failure{plan.error().detail, plan.error().reason, ""};
  return *std::move(plan);
}

int build(Session& session) {
  const Call& call = session.call();
  if (!call.has("--plan"))
    throw Failure{"images are built on the server", "usage",
                  "`{program} up` builds and deploys; `{program} build --plan` shows how",
                  kUnreadable};
  const std::string folder = call.words.empty() ? "." : call.words.front();
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error))
    throw Failure{"there is no directory " + folder, "no_directory", "is the path right?"};
  const auto tree = make_disk_tree(folder);
  DetectedPlan plan = plan_of(*tree, settings_of(session, *tree));
  if (session.json()) {
    print(plan_json(plan));
    return 0;
  }
  for (const std::string& note : plan.notes) session.note(note);
  while (plan.dockerfile.ends_with('\n')) plan.dockerfile.pop_back();
  print(plan.dockerfile);
  return 0;
}

}  // namespace

std::vector<Command> build_commands() {
  return {{.path = "build",
           .summary = "show how the server would build this directory: the Dockerfile that it has, "
                      "or that is written for it",
           .words = "[PATH]",
           .words_max = 1,
           .options = {{"--plan", "", "print that Dockerfile; nothing is built"},
                       {"-e,--environment", "NAME", "with the overrides of this environment"},
                       {"-s,--service", "NAME", "one of the services that the file describes"}},
           .examples = {"build --plan", "build services/api --plan --json"},
           .run = build}};
}

}  // namespace gantry::cli
