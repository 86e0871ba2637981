// What happens to a deployment that is there: redeploy, restart, rollback, down.
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/rollout_options.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

// What it runs: built from its source, or named by it.
std::string image_of(const Json& deployment) {
  const std::string image = deployment["image"].text();
  return image.empty() ? deployment["source"]["image"].text() : image;
}

int redeploy(Session& session) {
  const Place place = find_service(session);
  tell_interruption(session, place);
  const Json deployment = session.client().send("POST", place.instance_path() + "/redeploy");
  return finish_deployment(session, place, deployment);
}

int restart(Session& session) {
  const Place place = find_service(session);
  const Json instance = session.client().send("POST", place.instance_path() + "/restart");
  if (!session.call().has("--detach"))
    wait_for_epoch(session, place, instance["restart_epoch"].number());
  std::string out;
  JsonObject(out).text("service", place.service).boolean("success", true);
  print(session.json()
            ? out
            : (session.call().has("--detach") ? "restarting " : "restarted ") + place.service);
  return 0;
}

// The newest that served before the one that is live, as the server would choose.
Json earlier_deployment(Session& session, const Place& place) {
  bool behind_live = place.instance["status"]["phase"].text() == "EMPTY";
  for (const Json& each : session.client().list(place.instance_path() + "/deployments")) {
    if (behind_live && !each["succeeded_at"].is_null() && !image_of(each).empty()) return each;
    const std::string status = each["status"].text();
    behind_live = behind_live || !is_over(status) || status == "SUCCESS" || status == "SLEEPING" ||
                  status == "CRASHED";
  }
  throw Failure{"there is no earlier deployment to go back to", "nothing_earlier",
                "`{program} deployment list` shows what there was"};
}

int rollback(Session& session) {
  const Place place = find_service(session);
  const auto& words = session.call().words;
  const Json earlier = words.empty()
                           ? earlier_deployment(session, place)
                           : session.client().get("/v1/deployments/" + percent_encode(words[0]));
  const std::string id = earlier["id"].text();
  if (earlier["instance_id"].text() != place.instance["id"].text())
    throw Failure{"deployment " + id + " is of another service or environment", "other_service",
                  "`{program} deployment list` shows those of this one"};
  const std::string what = "deployment " + id + " of " +
                           age(earlier["created_at"].text(), system_clock().now()) + " ago (" +
                           image_of(earlier) + ")";
  if (may_prompt(session))
    confirm(session, "bring " + place.service + " in " + place.environment + " back to " + what);
  const bool runs = earlier["status"].text() == "SUCCESS";
  if (!session.json())
    session.note("back to " + what +
                 (runs ? ", which still runs" : ", with its settings and variables"));
  const Json deployment = session.client().send("POST", "/v1/deployments/" + id + "/rollback");
  return finish_deployment(session, place, deployment);
}

int down(Session& session) {
  const Place place = find_service(session);
  confirm(session, "take service " + place.service + " in " + place.environment + " offline");
  const Json deployment = session.client().send("POST", place.instance_path() + "/remove");
  print(session.json() ? deployment.dump()
                       : "removed deployment " + deployment["id"].text() + " of " + place.service);
  return 0;
}

}  // namespace

std::vector<Command> release_commands() {
  const Option detach{"-d,--detach", "", "do not wait for the end"};
  const Option yes{"-y,--yes", "", "do not ask"};
  return {
      {.path = "redeploy",
       .summary = "deploy the newest source or image again, with the variables of now",
       .scope = Scope::service,
       .options = {detach, yes},
       .examples = {"redeploy -s api"},
       .run = redeploy},
      {.path = "deployment redeploy",
       .summary = "the same as redeploy",
       .scope = Scope::service,
       .options = {detach, yes},
       .run = redeploy},
      {.path = "restart",
       .summary = "replace every replica, and wait until the new ones are ready",
       .scope = Scope::service,
       .options = {detach, yes},
       .examples = {"restart -s api"},
       .run = restart},
      {.path = "rollback",
       .summary = "go back to an earlier deployment: its image, settings and variables",
       .words = "[DEPLOYMENT]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {detach, yes},
       .examples = {"rollback -s api", "rollback dep_01m82eh79n3kn1mhegxbq1hand -y"},
       .run = rollback},
      {.path = "down",
       .summary = "remove the newest deployment; the service stays",
       .scope = Scope::service,
       .options = {yes},
       .examples = {"down -s api -y"},
       .run = down},
  };
}

}  // namespace gantry::cli
