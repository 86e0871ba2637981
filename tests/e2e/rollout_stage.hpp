// A real installation with a service that is deployed over and over while people use it. For the
// tests of rollouts and for their long form in tests/bench/rollouts. One thread.
#pragma once

#include <functional>
#include <string>

#include "tests/support/daemon.hpp"
#include "tests/support/load.hpp"

namespace gantry::testing {

void pause(double seconds);

// Versions by their shares of `requests`, asked as fast as they are answered.
struct Shares {
  std::map<std::string, int> versions;
  int failed = 0;
  int all() const;
  double percent(const std::string& version) const;
};
Shares ask_many(int port, const std::string& host, int requests);

// Where a rollout is when the daemon is killed.
enum class KillPoint { starting, waiting, canary_step, observing, draining };
const char* name(KillPoint);

class RolloutStage {
 public:
  explicit RolloutStage(GantrySettings settings = {}, int replicas = 2);

  // Another service with the same settings, changed by `deploy`, deployed as `version`.
  std::string service(const std::string& name, const std::string& version, const Json& deploy = {});
  LoadOptions load() const;  // everything at once
  LoadOptions requests(int per_second) const;

  // Deploys the next version of the service; `variables` are set for it and for those after it.
  std::string next(const Json& rollout = Json::object(),
                   const std::map<std::string, std::string>& variables = {});
  void unset(const std::vector<std::string>& variables);
  const std::string& version() const { return version_; }  // of the last deployed
  std::string serving();                                   // the newest deployment that is SUCCESS
  Json read(const std::string& deployment);
  std::string status(const std::string& deployment) { return read(deployment).value("status", ""); }
  bool reaches(const std::string& deployment, const std::function<bool(const Json&)>& there,
               double seconds = 60);
  bool is_at_step(const std::string& deployment, int percent, double seconds = 60);
  void order(const std::string& deployment, const std::string& verb);
  // Milliseconds from the order to the last request that another version than `version` answered.
  double promote(const std::string& deployment, const std::string& version);
  // Every older one is gone, and its containers with it.
  bool is_tidy(int seconds = 90);

  // One rollout, in which the daemon is killed at this point; the deployment.
  std::string kill_at(KillPoint);

  Gantry gantry;
  std::string path;

 private:
  const int replicas_;
  int versions_ = 0;
  std::string version_;
};

}  // namespace gantry::testing
