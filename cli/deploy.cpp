#include <charconv>

#include "cli/output.hpp"
#include "cli/rollout_options.hpp"
#include "cli/service.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/json.hpp"
#include "proto/words.hpp"

namespace gantry::cli {
namespace {

std::string number_text(const std::string& option, const std::string& text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Failure{option + " needs a whole number, not \"" + text + "\"", "usage", "", kUnreadable};
  return std::to_string(value);
}

// `"deploy":{...}` of what was written; empty when nothing was.
std::string deploy_settings(const Call& call) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto number = [&](const char* option, const char* key) {
    if (const auto text = call.value(option))
      settings.emplace_back(key, number_text(option, *text));
  };
  number("--replicas", "replicas");
  number("--port", "port");
  number("--cpu-millicores", "cpu_millicores");
  number("--memory-bytes", "memory_bytes");
  number("--healthcheck-timeout", "healthcheck_timeout_seconds");
  if (const auto path = call.value("--healthcheck-path"))
    settings.emplace_back("healthcheck_path", json_string(*path));
  if (const auto command = call.value("--start-command")) {
    const auto words = split_words(*command, "/start_command");
    if (!words) throw Failure{words.error().detail, words.error().reason, "", kUnreadable};
    std::vector<std::string> parts;
    for (const std::string& word : *words) parts.push_back(json_string(word));
    settings.emplace_back("start_command", json_array(parts));
  }
  return settings.empty() ? "" : "\"deploy\":" + json_map(settings);
}

Place place_to_deploy(Session& session, const std::string& settings) {
  const std::string wanted = session.selectors().service;
  auto place = try_find_service(session);
  if (place) {
    if (!settings.empty())
      place->instance =
          session.client().send("PATCH", place->instance_path(), "{" + settings + "}");
    return std::move(*place);
  }
  if (session.call().has("--no-create")) throw no_such_service(session, wanted);
  Place made = create_service(session, wanted, settings).value();
  session.note("created service " + made.service + " in " + made.environment);
  return made;
}

// Settings and image, which are deployed when they are applied.
int stage_deploy(Session& session, std::string settings, const std::optional<std::string>& image) {
  std::string once;
  {
    JsonObject object(once);
    append_rollout_options(object, session.call());
  }
  if (once != "{}")
    throw Failure{"how a deployment takes over is for that deployment alone", "usage",
                  "`{program} service set deploy.rollout.strategy=CANARY --stage` sets it for all",
                  kUnreadable};
  if (image)
    settings += (settings.empty() ? "" : ",") + std::string("\"source\":{\"image\":") +
                json_string(*image) + "}";
  if (settings.empty())
    throw Failure{"there is nothing to stage", "usage", "name an image or a setting", kUnreadable};
  const std::string wanted = session.selectors().service;
  if (const auto place = try_find_service(session))
    (void)change(session, "PATCH", place->instance_path(), "{" + settings + "}");
  else if (session.call().has("--no-create"))
    throw no_such_service(session, wanted);
  else
    (void)create_service(session, wanted, settings);
  return 0;
}

int deploy(Session& session) {
  check_rollout_options(session.call());
  const auto image = session.call().value("--image");
  const std::string settings = deploy_settings(session.call());
  if (is_staged(session)) return stage_deploy(session, settings, image);
  const Place place = place_to_deploy(session, settings);
  std::string body;
  {
    JsonObject object(body);
    if (image) object.text("image", *image);
    append_rollout_options(object, session.call());
  }
  tell_interruption(session, place);
  Json deployment;
  try {
    deployment = session.client().send("POST", place.instance_path() + "/deployments", body);
  } catch (Failure& failure) {
    if (failure.code == "no_image") failure.hint = "`{program} deploy --image IMAGE`";
    throw failure;
  }
  return finish_deployment(session, place, deployment);
}

}  // namespace

std::vector<Command> deploy_commands() {
  std::vector<Command> all{
      {.path = "deploy",
       .summary = "deploy an image and wait until it serves",
       .scope = Scope::service,
       .options = {{"-i,--image", "IMAGE", "the image (else the service's source)"},
                   {"-d,--detach", "", "do not wait for the end"},
                   {"--replicas", "N", "set the number of replicas"},
                   {"--port", "N", "set the port that it listens on; 0: a worker"},
                   {"--cpu-millicores", "N", "set the CPU limit of a replica"},
                   {"--memory-bytes", "N", "set the memory limit of a replica"},
                   {"--healthcheck-path", "PATH", "set the path that must answer 200"},
                   {"--healthcheck-timeout", "SECONDS", "set the time to become ready"},
                   {"--start-command", "COMMAND", "set what runs instead of the image's own"},
                   {"--no-create", "", "fail when -s names a service that is not there"}},
       .examples = {"deploy -s api --image nginx:1.27 --replicas 3",
                    "deploy --image registry.example.com/api:42 --detach",
                    "deploy --strategy canary --steps 10,50,100 --interval 15m"},
       .run = deploy},
  };
  for (Option& option : rollout_options()) all.front().options.push_back(std::move(option));
  return all;
}

}  // namespace gantry::cli
