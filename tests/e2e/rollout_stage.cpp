#include "tests/e2e/rollout_stage.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace gantry::testing {
namespace {

using Clock = std::chrono::steady_clock;

const Json kDeploy = {{"cpu_millicores", 500},
                      {"memory_bytes", 67108864},
                      {"pids_limit", 64},
                      {"healthcheck_path", "/health"},
                      {"healthcheck_timeout_seconds", 60},
                      {"draining_seconds", 2},
                      {"rollout", {{"observe_seconds", 1}}},
                      {"traffic", {{"drain_seconds", 20}, {"stream_drain_seconds", 60}}}};

std::string version_in(const std::string& body) {
  const auto at = body.find("version=");
  return at == std::string::npos ? "" : body.substr(at + 8, body.find(' ', at) - at - 8);
}

bool has_traffic(const Json& deployment) {
  return deployment.value("reason", "").starts_with("has all the traffic");
}

}  // namespace

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

int Shares::all() const {
  int sum = 0;
  for (const auto& [version, count] : versions) sum += count;
  return sum;
}

double Shares::percent(const std::string& version) const {
  const auto found = versions.find(version);
  return found == versions.end() ? 0 : 100.0 * found->second / all();
}

Shares ask_many(int port, const std::string& host, int requests) {
  Shares shares;
  std::mutex mutex;
  std::atomic<int> left{requests};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      HttpConnection connection(port);
      while (left-- > 0) {
        HttpReply reply;
        const std::string why = connection.call({.host = host, .timeout_ms = 10000}, reply);
        const std::scoped_lock lock(mutex);
        if (why.empty() && reply.status == 200)
          ++shares.versions[version_in(reply.body)];
        else
          ++shares.failed;
      }
    });
  threads.clear();
  return shares;
}

const char* name(KillPoint point) {
  switch (point) {
    case KillPoint::starting:
      return "starting";
    case KillPoint::waiting:
      return "waiting for its promotion";
    case KillPoint::canary_step:
      return "in a canary step";
    case KillPoint::observing:
      return "observing";
    case KillPoint::draining:
      return "draining";
  }
  return "";
}

RolloutStage::RolloutStage(GantrySettings settings, int replicas)
    : gantry(std::move(settings)), replicas_(replicas) {
  gantry.start();
  path = service("web", "v1");
  version_ = "v" + std::to_string(++versions_);
}

std::string RolloutStage::service(const std::string& name, const std::string& version,
                                  const Json& deploy) {
  Json wanted = kDeploy;
  wanted["replicas"] = replicas_;
  wanted.merge_patch(deploy.is_null() ? Json::object() : deploy);
  const std::string made = gantry.create(name, wanted);
  EXPECT_EQ(gantry.api("PUT", made + "/variables/VERSION", {{"value", version}}).status, 201);
  const std::string deployment = gantry.deploy(made);
  EXPECT_EQ(gantry.settled(deployment), "SUCCESS");
  return made;
}

LoadOptions RolloutStage::requests(int per_second) const {
  return {.port = gantry.edge_port,
          .host = const_cast<Gantry&>(gantry).host(path),
          .per_second = per_second};
}

LoadOptions RolloutStage::load() const {
  LoadOptions options = requests(150);
  options.uploads = options.downloads = 4;
  options.sockets = 100;
  return options;
}

std::string RolloutStage::next(const Json& rollout,
                               const std::map<std::string, std::string>& variables) {
  version_ = "v" + std::to_string(++versions_);
  auto all = variables;
  all["VERSION"] = version_;
  for (const auto& [variable, value] : all)
    EXPECT_EQ(gantry.api("PUT", path + "/variables/" + variable, {{"value", value}}).status / 100,
              2);
  return gantry.deploy(path, rollout.empty() ? Json::object() : Json{{"rollout", rollout}});
}

void RolloutStage::unset(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables)
    EXPECT_EQ(gantry.api("DELETE", path + "/variables/" + variable).status, 204) << variable;
}

Json RolloutStage::read(const std::string& deployment) {
  const Json found = gantry.get("/v1/deployments/" + deployment);
  return found.is_object() ? found : Json::object();
}

bool RolloutStage::reaches(const std::string& deployment,
                           const std::function<bool(const Json&)>& there, double seconds) {
  Json seen;
  const bool reached = within(seconds, [&] {
    seen = read(deployment);
    return there(seen) || seen.value("status", "") == "FAILED";
  });
  const bool good = reached && there(seen);
  if (!good) std::printf("not there: %s\n", seen.dump().c_str());
  return good;
}

bool RolloutStage::is_at_step(const std::string& deployment, int percent, double seconds) {
  return reaches(
      deployment,
      [&](const Json& seen) {
        return seen.contains("rollout") && seen["rollout"].value("percent", -1) == percent &&
               !seen["rollout"]["since"].is_null();
      },
      seconds);
}

void RolloutStage::order(const std::string& deployment, const std::string& verb) {
  const auto reply =
      gantry.api("POST", "/v1/deployments/" + deployment + "/" + verb, Json::object());
  EXPECT_EQ(reply.status, 202) << verb << ": " << reply.http.body;
}

double RolloutStage::promote(const std::string& deployment, const std::string& version) {
  const std::string host = gantry.host(path);
  std::atomic<Clock::rep> last{0};
  std::jthread watcher([&](const std::stop_token& stop) {
    HttpConnection connection(gantry.edge_port);
    while (!stop.stop_requested()) {
      const auto begun = Clock::now();
      HttpReply reply;
      connection.call({.host = host, .timeout_ms = 10000}, reply);
      if (version_in(reply.body) != version) last = begun.time_since_epoch().count();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  pause(0.1);
  const auto begin = Clock::now();
  order(deployment, "promote");
  EXPECT_TRUE(reaches(deployment, [](const Json& seen) {
    return has_traffic(seen) || seen.value("status", "") == "SUCCESS";
  }));
  pause(0.2);
  watcher.request_stop();
  watcher.join();
  const Clock::duration took = Clock::duration(last.load()) - begin.time_since_epoch();
  return std::chrono::duration<double, std::milli>(took).count();
}

bool RolloutStage::is_tidy(int seconds) {
  const bool tidy = within(seconds, [&] {
    return gantry.containers(path).size() == static_cast<std::size_t>(replicas_);
  });
  if (!tidy) std::printf("not tidy: %s\n", gantry.state_of(path).c_str());
  return tidy;
}

std::string RolloutStage::serving() {
  const Json listed = gantry.get(path + "/deployments");
  for (const Json& deployment : listed.value("data", Json::array()))
    if (deployment.value("status", "") == "SUCCESS") return deployment.value("id", "");
  return "";
}

std::string RolloutStage::kill_at(KillPoint point) {
  const std::string before = serving();
  const auto containers = gantry.containers(path).size();
  Json rollout = {{"strategy", "ROLLING"}, {"observe_seconds", 1}};
  std::map<std::string, std::string> variables;
  if (point == KillPoint::starting) variables["START_DELAY_MS"] = "2000";
  if (point == KillPoint::observing) rollout["observe_seconds"] = 4;
  if (point == KillPoint::waiting)
    rollout.update({{"strategy", "BLUE_GREEN"}, {"keep_seconds", 0}});
  if (point == KillPoint::canary_step)
    rollout.update({{"strategy", "CANARY"}, {"interval_seconds", 2}, {"min_requests", 10}});
  const std::string deployment = next(rollout, variables);
  const auto there = [&](const Json& seen) {
    switch (point) {
      case KillPoint::starting:
        return gantry.containers(path).size() > containers;
      case KillPoint::waiting:
        return seen.contains("rollout") && seen["rollout"].value("waiting", false);
      case KillPoint::canary_step:
        return seen.contains("rollout") && seen["rollout"].value("percent", 0) == 10;
      case KillPoint::observing:
        return has_traffic(seen);
      case KillPoint::draining:
        return seen.value("status", "") == "SUCCESS" && status(before) == "REMOVING";
    }
    return false;
  };
  EXPECT_TRUE(reaches(deployment, there)) << name(point);
  gantry.kill();
  pause(0.5);
  gantry.start();
  if (point == KillPoint::waiting) order(deployment, "promote");
  if (point == KillPoint::starting) unset({"START_DELAY_MS"});
  EXPECT_EQ(gantry.settled(deployment), "SUCCESS") << name(point);
  EXPECT_TRUE(reaches(before, [](const Json& seen) {
    return seen.value("status", "") == "REMOVED";
  })) << name(point);
  return deployment;
}

}  // namespace gantry::testing
