#include <algorithm>

#include <unistd.h>

#include "cli/build_logs.hpp"
#include "cli/output.hpp"
#include "cli/pack.hpp"
#include "cli/progress.hpp"
#include "cli/project.hpp"
#include "cli/rollout_options.hpp"
#include "cli/up_place.hpp"
#include "cli/upload.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

constexpr std::size_t kNamesShown = 3;

bool is_ci(const Call& call) {
  if (call.has("--ci")) return true;
  const std::string value = first_set(environ_value, {"CI"}).value_or("");
  return !value.empty() && value != "0" && value != "false" && value != "no";
}

std::string files_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " file" : " files");
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

void tell_tree(const Session& session, const Tree& tree) {
  if (session.json()) return;
  if (session.call().has("--verbose"))
    for (const TreeNote& each : tree.left_out)
      session.note("  left out " + each.path + " (" + each.why + ")");
  for (const TreeNote& each : tree.passed_over)
    session.note("  passed over " + each.path + ": it is " + each.why);
  const auto secrets = secret_files(tree);
  if (secrets.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < std::min(secrets.size(), kNamesShown); ++i)
    names += (i == 0 ? "" : ", ") + secrets[i];
  if (secrets.size() > kNamesShown)
    names += " and " + std::to_string(secrets.size() - kNamesShown) + " more";
  session.warn(names + " is uploaded too: name it in .gitignore or .gantryignore if it should " +
               "stay here; `" + session.program() + " variables import` sets its variables");
}

Packed pack_here(Session& session, TreeOrder order, Progress& progress) {
  order.on_file = [&](std::uint64_t files) { progress.show("Indexing... " + files_text(files)); };
  progress.begin("Indexing...");
  Packed packed = pack_directory(order, [&](const PackProgress& so_far) {
    progress.show("Compressing... " + bytes_text(so_far.bytes) + ", " + files_text(so_far.files));
  });
  progress.keep("Compressed " + bytes_text(packed.archive.bytes) + ", " +
                files_text(packed.tree.files));
  tell_tree(session, packed.tree);
  return packed;
}

Json deploy_source(Session& session, const Place& place, const std::string& digest) {
  std::string body;
  {
    JsonObject object(body);
    object.text("source", digest);
    if (const auto message = session.call().value("--message")) object.text("message", *message);
    append_rollout_options(object, session.call());
  }
  return session.client().send("POST", place.instance_path() + "/deployments", body);
}

int tell_detached(Session& session, const std::string& id) {
  if (!session.json()) {
    session.note("  Build Logs: `" + session.program() + " logs --build " + id + "`");
    print(id);
    return 0;
  }
  std::string out;
  JsonObject(out)
      .text("deploymentId", id)
      .text("logsUrl", session.url() + "/v1/deployments/" + id + "/build-logs");
  print(out);
  return 0;
}

int tell_end_as_json(const Json& end, const std::string& url) {
  const std::string status = end["status"].text();
  const bool removed = status == "REMOVING" || status == "REMOVED";
  std::string out;
  JsonObject(out)
      .text("status", removed ? "removed" : lower(status))
      .text("deployment_id", end["id"].text())
      .text("service", end["service"]["name"].text())
      .text("environment", end["environment"]["name"].text())
      .text_or_null("reason", end["reason"].text())
      .text_or_null("url", url);
  print(out);
  if (is_held(end)) return kHeld;
  return removed || status == "FAILED" || status == "CRASHED" ? kFailed : 0;
}

// Why it did not come up; `before` is the status in which its build ended.
Failure failure_of_end(const Json& end, const std::string& before) {
  const std::string status = end["status"].text();
  const std::string id = end["id"].text();
  const std::string reason = end["reason"].text();
  if (status == "REMOVING" || status == "REMOVED")
    return {"deployment " + id + " was removed before it was live", "deployment_removed",
            "a newer one took its place, or somebody removed it: `{program} deployment list`"};
  const bool built = before == "DEPLOYING" || before == "SUCCESS" || before == "CRASHED";
  return {"deployment " + id + " " + status + (reason.empty() ? "" : ": " + reason),
          status == "FAILED" ? "deployment_failed" : "deployment_crashed",
          "`{program} logs --build " + id + "` shows its build" +
              (built ? ", `{program} logs -s " + end["service"]["name"].text() + " -e " +
                           end["environment"]["name"].text() + " -d " + id + "` what it wrote"
                     : "")};
}

int follow_to_end(Session& session, const Place& place, const std::string& id) {
  const WhileWaiting waiting(session, id);
  const std::string before = follow_build_logs(session, id, "", [&](const Json& line) {
    print(session.json() ? build_line_json(line, id) : line["text"].text());
  });
  const Json end = wait_for_end(session, id);
  const std::string status = end["status"].text();
  const bool live = status == "SUCCESS" || status == "SLEEPING";
  const std::string url =
      live ? session.client().get(place.instance_path())["url"].text() : std::string();
  if (session.json()) return tell_end_as_json(end, url);
  if (is_held(end)) return tell_held(session, end);
  if (waits_for_promotion(end)) {
    tell_promotion(session, place, end);
    return 0;
  }
  if (status == "SKIPPED") {
    const std::string reason = end["reason"].text();
    print(place.service + " was skipped" + (reason.empty() ? "" : ": " + reason));
    return 0;
  }
  if (!live) throw failure_of_end(end, before);
  print(place.service + " is live" + (url.empty() ? "" : ": " + url));
  return 0;
}

int up_in(Session& session) {
  if (is_ci(session.call()) && !session.json()) session.note("CI mode enabled");
  const TreeOrder order = order_of_up(session);
  const UpPlace wanted = place_of_up(session);
  Progress progress(session);
  const Packed packed = pack_here(session, order, progress);
  if (upload(session, wanted.place, packed.archive, progress) == Uploaded::before)
    progress.keep("Nothing to send: this source is already there");
  else
    progress.keep("Uploaded " + bytes_text(packed.archive.bytes));
  const Place place = made(session, wanted);
  tell_interruption(session, place);
  const std::string id = deploy_source(session, place, packed.archive.digest)["id"].text();
  if (!session.json())
    session.note("deployment " + id + " of " + place.service + " in " + place.environment);
  return session.call().has("--detach") ? tell_detached(session, id)
                                        : follow_to_end(session, place, id);
}

int up(Session& session) {
  check_rollout_options(session.call());
  if (!session.call().has("--new")) {
    if (session.call().has("--name"))
      throw Failure{"--name is the name of a new project", "usage", "say --new --name NAME",
                    kUnreadable};
    return up_in(session);
  }
  const std::string here = current_directory();
  const Place made = create_project(
      session, session.call().value("--name").value_or(name_of_directory(here, "project")));
  session.note("created project " + made.project + " and linked " + here + " to it");
  Call call = session.call();
  call.options.erase("--new");
  call.options["--project"] = {made.project_id};
  Session inside(call);
  return up_in(inside);
}

}  // namespace

std::vector<Command> up_commands() {
  Command up_command{
      .path = "up",
      .summary = "upload this directory, build it, deploy it and wait until it serves",
      .words = "[PATH]",
      .words_max = 1,
      .scope = Scope::service,
      .options = {{"-d,--no-wait,--detach", "", "do not wait: print the deployment's id"},
                  {"-c,--ci", "", "print the build's log only (so it is when $CI is set)"},
                  {"-m,--message", "TEXT", "what the deployment is for"},
                  {"--path-as-root", "", "PATH is the root of what is built"},
                  {"--no-gitignore", "", "do not read .gitignore"},
                  {"--verbose", "", "show what is left out, and why"},
                  {"--no-create", "", "fail when the service is not there yet"},
                  {"--new", "", "create a project and link this directory first"},
                  {"-n,--name", "NAME", "with --new: the project's name"},
                  {"-y,--yes", "", "do not ask"}},
      .examples = {"up", "up services/api -s api", "up --service=api --ci",
                   "up --environment=staging --detach", "up --strategy blue-green"},
      .run = up};
  for (Option& option : rollout_options()) up_command.options.push_back(std::move(option));
  Command twin = up_command;
  twin.path = "deployment up";
  twin.summary = "the same as up";
  twin.examples = {};
  return {up_command, twin};
}

}  // namespace gantry::cli
