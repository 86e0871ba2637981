// Orders to a deployment on its way: promote, pause, resume, abort.
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

// The one that is named, else the newest of the service, which has to be on its way.
Json find_under_way(Session& session, const Place& place) {
  if (const auto& words = session.call().words; !words.empty()) {
    Json named = session.client().get("/v1/deployments/" + percent_encode(words[0]));
    if (named["instance_id"].text() == place.instance["id"].text()) return named;
    throw Failure{"deployment " + words[0] + " is of another service or environment",
                  "other_service", "`{program} deployment list` shows those of this one"};
  }
  const Json page = session.client().get(place.instance_path() + "/deployments?limit=1");
  for (const Json& newest : page["data"].items())
    if (!is_over(newest["status"].text())) return newest;
  throw Failure{"no deployment of " + place.service + " in " + place.environment + " is on its way",
                "not_under_way", "`{program} deployment list` shows what there is"};
}

Json order(Session& session, const Place& place, const std::string& verb) {
  const std::string id = find_under_way(session, place)["id"].text();
  return session.client().send("POST", "/v1/deployments/" + id + "/" + verb);
}

int promote(Session& session) {
  const Place place = find_service(session);
  const Json deployment = order(session, place, "promote");
  if (!session.json()) session.note("promoting " + deployment["id"].text());
  return finish_deployment(session, place, deployment);
}

int told(Session& session, const std::string& verb, const std::string& what) {
  const Place place = find_service(session);
  const Json deployment = order(session, place, verb);
  print(session.json() ? deployment.dump()
                       : what + " " + deployment["id"].text() + " of " + place.service);
  return 0;
}

int pause(Session& session) { return told(session, "pause", "paused"); }
int resume(Session& session) { return told(session, "resume", "resumed"); }
int abort_rollout(Session& session) { return told(session, "abort", "aborted"); }

}  // namespace

std::vector<Command> rollout_commands() {
  const auto make = [](const char* path, const char* summary, int (*run)(Session&)) {
    return Command{.path = path,
                   .summary = summary,
                   .words = "[DEPLOYMENT]",
                   .words_max = 1,
                   .scope = Scope::service,
                   .examples = {std::string(path) + " -s api"},
                   .run = run};
  };
  Command promoting =
      make("promote", "give the deployment on its way all the traffic, now", promote);
  promoting.options = {{"-d,--detach", "", "do not wait for the end"}};
  return {
      promoting, make("pause", "keep the deployment on its way at its step", pause),
      make("resume", "let a paused deployment go on", resume),
      make("abort", "end the deployment on its way; the version before serves on", abort_rollout)};
}

}  // namespace gantry::cli
