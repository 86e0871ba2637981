#include "cli/wait.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include <unistd.h>

#include "cli/output.hpp"

namespace gantry::cli {
namespace {

using Steady = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::milliseconds(300);
constexpr auto kOutage = std::chrono::seconds(60);

// GET that bridges a restart of the server.
Json patient_get(Session& session, const std::string& path) {
  Outage outage;
  for (;;) {
    try {
      return session.client().get(path);
    } catch (const Failure& failure) {
      if (failure.code != "unreachable" || outage.lasts_too_long()) throw;
    }
    std::this_thread::sleep_for(kPause);
  }
}

char interrupted_text[512];

void on_interrupt(int) {
  (void)!::write(STDERR_FILENO, interrupted_text, std::strlen(interrupted_text));
  ::_exit(kCancelled);
}

std::string logs_hint(const Json& deployment) {
  return "`{program} logs -s " + deployment["service"]["name"].text() + " -e " +
         deployment["environment"]["name"].text() + " -d " + deployment["id"].text() +
         "` shows what it wrote";
}

std::string describe(const Json& deployment) {
  const std::string reason = deployment["reason"].text();
  return deployment["status"].text() + (reason.empty() ? "" : ": " + reason);
}

// With the share of the requests that a canary has come to.
std::string describe_progress(const Json& deployment) {
  const Json rollout = deployment["rollout"];
  std::string text = describe(deployment);
  if (is_over(deployment["status"].text()) || rollout["percent"].number() == 0) return text;
  text += " (" + rollout["percent"].text() + "% of the requests";
  if (rollout["order"].text() == "PAUSE") text += ", paused";
  return text + ")";
}

void check_end(const Json& deployment) {
  const std::string status = deployment["status"].text();
  const std::string id = deployment["id"].text();
  if (status == "FAILED" || status == "CRASHED")
    throw Failure{"deployment " + id + " " + describe(deployment),
                  status == "FAILED" ? "deployment_failed" : "deployment_crashed",
                  logs_hint(deployment)};
  if (status == "REMOVING" || status == "REMOVED")
    throw Failure{
        "deployment " + id + " was removed before it was live", "deployment_removed",
        "a newer one took its place, or somebody removed it: `{program} deployment list`"};
}

}  // namespace

bool is_over(const std::string& status) {
  return status != "QUEUED" && status != "INITIALIZING" && status != "BUILDING" &&
         status != "DEPLOYING";
}

bool waits_for_promotion(const Json& deployment) {
  const Json rollout = deployment["rollout"];
  return rollout["waiting"].boolean() && rollout["order"].text() != "PROMOTE";
}

void tell_promotion(Session& session, const Place& place, const Json& deployment) {
  const std::string url = session.client().get(place.instance_path())["preview_url"].text();
  print(place.service + " waits for its promotion" + (url.empty() ? "" : ": " + url));
  session.note("`" + session.program() + " promote " + deployment["id"].text() + " -s " +
               place.service + " -e " + place.environment + "` gives it the traffic, `" +
               session.program() + " abort` ends it");
}

bool is_held(const Json& deployment) {
  const std::string status = deployment["status"].text();
  return status == "WAITING" || status == "NEEDS_APPROVAL";
}

int tell_held(const Session& session, const Json& deployment) {
  const std::string id = deployment["id"].text();
  const bool approval = deployment["status"].text() == "NEEDS_APPROVAL";
  print(deployment["service"]["name"].text() + (approval ? " needs an approval" : " waits") +
        " in " + deployment["environment"]["name"].text() + ": " + deployment["reason"].text());
  if (approval)
    session.note("an owner runs `" + session.program() + " deployment approve " + id + "` or `" +
                 session.program() + " deployment reject " + id + "`");
  return kHeld;
}

bool Outage::lasts_too_long() {
  const auto now = Steady::now();
  if (!since_) since_ = now;
  return now - *since_ > kOutage;
}

WhileWaiting::WhileWaiting(const Session& session, const std::string& deployment_id) {
  const std::string text = "\nthe deployment goes on: `" + session.program() + " logs --build " +
                           deployment_id + "` shows its build, `" + session.program() +
                           " deployment list` how it ends\n";
  std::snprintf(interrupted_text, sizeof interrupted_text, "%s", text.c_str());
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

WhileWaiting::~WhileWaiting() { std::signal(SIGINT, SIG_DFL); }

Json wait_for_end(Session& session, const std::string& deployment_id) {
  std::string shown;
  for (;;) {
    const Json deployment = patient_get(session, "/v1/deployments/" + deployment_id);
    if (const std::string now = describe_progress(deployment); now != shown) {
      if (!session.json()) session.note("  " + now);
      shown = now;
    }
    if (is_over(deployment["status"].text()) || waits_for_promotion(deployment)) return deployment;
    std::this_thread::sleep_for(kPause);
  }
}

Json wait_for_deployment(Session& session, const std::string& deployment_id) {
  const Json end = wait_for_end(session, deployment_id);
  check_end(end);
  return end;
}

void wait_for_epoch(Session& session, const Place& place, std::int64_t epoch) {
  const auto seconds = place.instance["deploy"]["healthcheck_timeout_seconds"].number() + 120;
  const auto end = Steady::now() + std::chrono::seconds(seconds);
  std::string shown;
  while (Steady::now() < end) {
    const Json instance = patient_get(session, place.instance_path());
    const auto wanted = instance["deploy"]["replicas"].number();
    const std::string phase = instance["status"]["phase"].text();
    std::int64_t ready = 0;
    for (const Json& replica :
         patient_get(session, place.instance_path() + "/replicas")["data"].items())
      if (replica["epoch"].number() >= epoch && replica["ready"].boolean()) ++ready;
    const std::string now = std::to_string(ready) + " of " + std::to_string(wanted) + " ready";
    if (now != shown && !session.json()) session.note("  " + now);
    shown = now;
    if (ready >= wanted) return;
    if (phase == "CRASHED" || phase == "EMPTY")
      throw Failure{
          "service " + place.service + " " + phase + ": " + instance["status"]["reason"].text(),
          "restart_failed", "`{program} logs -s " + place.service + "`"};
    std::this_thread::sleep_for(kPause);
  }
  throw Failure{"service " + place.service + " did not become ready again", "restart_failed",
                "`{program} ps -s " + place.service + "` shows its replicas"};
}

int finish_deployment(Session& session, const Place& place, const Json& deployment) {
  const std::string id = deployment["id"].text();
  if (session.call().has("--detach")) {
    print(session.json() ? deployment.dump() : id);
    return 0;
  }
  if (!session.json())
    session.note("deployment " + id + " of " + place.service + " in " + place.environment);
  const WhileWaiting waiting(session, id);
  const Json end = wait_for_deployment(session, id);
  if (session.json()) {
    print(end.dump());
    return is_held(end) ? kHeld : 0;
  }
  if (is_held(end)) return tell_held(session, end);
  if (waits_for_promotion(end)) {
    tell_promotion(session, place, end);
    return 0;
  }
  const std::string url = session.client().get(place.instance_path())["url"].text();
  print(place.service + " is live" + (url.empty() ? "" : ": " + url));
  return 0;
}

}  // namespace gantry::cli
