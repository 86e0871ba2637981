// What happens to a deployment that is there: redeploy, restart, rollback, down.
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

int redeploy(Session& session) {
  const Place place = find_service(session);
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

// The newest earlier deployment that served another image than the present one.
Json earlier_deployment(Session& session, const Place& place) {
  const auto all =
      session.client().get(place.instance_path() + "/deployments?limit=200")["data"].items();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const std::string status = all[i]["status"].text();
    const bool served = status == "REMOVED" || status == "REMOVING" || status == "SUCCESS";
    if (served && all[i]["source"]["image"].text() != all[0]["source"]["image"].text())
      return all[i];
  }
  throw Failure{"there is no earlier deployment of another image", "nothing_earlier",
                "`{program} deployment list` shows what there was"};
}

int rollback(Session& session) {
  const Place place = find_service(session);
  const auto& words = session.call().words;
  const Json earlier = words.empty()
                           ? earlier_deployment(session, place)
                           : session.client().get("/v1/deployments/" + percent_encoded(words[0]));
  if (earlier["instance_id"].text() != place.instance["id"].text())
    throw Failure{"deployment " + words[0] + " is of another service or environment",
                  "other_service", "`{program} deployment list` shows those of this one"};
  const std::string image = earlier["source"]["image"].text();
  session.note("back to " + image + " of " + earlier["id"].text() +
               ", with the settings and variables of now");
  std::string body;
  JsonObject(body).text("image", image);
  const Json deployment =
      session.client().send("POST", place.instance_path() + "/deployments", body);
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
       .summary = "deploy the newest image again, with the variables of now",
       .scope = Scope::service,
       .options = {detach, yes},
       .examples = {"redeploy -s api"},
       .run = redeploy},
      {.path = "restart",
       .summary = "replace every replica, and wait until the new ones are ready",
       .scope = Scope::service,
       .options = {detach, yes},
       .examples = {"restart -s api"},
       .run = restart},
      {.path = "rollback",
       .summary = "deploy the image of an earlier deployment",
       .words = "[DEPLOYMENT]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {detach, yes},
       .examples = {"rollback -s api"},
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
