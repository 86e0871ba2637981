// The builder's port in memory, for simulations and tests: what an archive becomes is said
// beforehand. Deterministic, every call takes no time. Keep the object over a simulated restart of
// the daemon. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/build/builder.hpp"
#include "runtime/sim/engine.hpp"

namespace gantry {

// What an archive becomes.
struct SimArchive {
  // In force in place of the instance's, its source the order's; absent: the instance's.
  std::optional<Settings> settings;
  std::string config;                  // of its file; empty: there is none
  std::string skip_reason;             // when the order compares it with another archive
  std::optional<Error> prepare_fails;  // for good: every time
  std::optional<Error> build_fails;
  SimImage image;     // what it is built to
  std::string named;  // the image's name; empty: "built/<ulid of the deployment>"
};

// What the next calls run into; each is used up by the call that it hits.
struct SimBuilderFaults {
  int prepare_unavailable = 0;
  int build_unavailable = 0;
  int lost_replies = 0;  // so many build() make their image, and answer "engine_unavailable"
  int sweep_unavailable = 0;
};

struct SimBuilderCalls {
  int prepare = 0, build = 0, cancel = 0, sweep = 0;
  int built = 0;  // images
};

class SimBuilder final : public Builder {
 public:
  // Images appear on `engine` and are removed from it; it outlives this.
  explicit SimBuilder(SimEngine& engine) : engine_(engine) {}

  Result<Prepared> prepare(const PrepareOrder&) override;
  Result<std::string> build(const BuildOrder&) override;
  void cancel(const DeploymentId&) override;
  Result<> sweep(const std::vector<Release>& releases) override;

  // ---- the test's side ----
  void add_archive(const std::string& digest, SimArchive archive) {
    archives_[digest] = std::move(archive);
  }
  void remove_archive(const std::string& digest) { archives_.erase(digest); }
  void inject(const SimBuilderFaults& faults) { faults_ = faults; }
  // So many of each instance's images, the newest, and those of live releases outlast a sweep.
  void keep_images(int count) { keep_images_ = count; }
  bool cancelled(const DeploymentId& id) const { return cancelled_.contains(id); }
  // Names of the images that were built and not swept.
  const std::set<std::string>& images() const { return images_; }
  // Deployments in the order in which their builds were begun.
  const std::vector<DeploymentId>& begun() const { return begun_; }
  const SimBuilderCalls& calls() const { return calls_; }

 private:
  Result<const SimArchive*> find(const DeploymentId&, const std::string& archive) const;

  SimEngine& engine_;
  std::map<std::string, SimArchive> archives_;
  std::set<DeploymentId> cancelled_;
  std::set<std::string> images_;
  std::vector<DeploymentId> begun_;
  SimBuilderFaults faults_;
  SimBuilderCalls calls_;
  int keep_images_ = 5;
};

}  // namespace gantry
