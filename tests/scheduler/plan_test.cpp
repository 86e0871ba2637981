// Properties of plan() over random worlds, most of which no history would lead to: whatever it is
// given, it stays safe and level. The seed is in the failure's trace. GANTRY_PLAN_WORLDS=300000 in
// the environment looks at so many of each kind.
#include "scheduler/plan.hpp"

#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "scheduler/rollout.hpp"

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'800'000'000));

struct ProofMaker : DrainProofMaker {
  using DrainProofMaker::make;
};

class RandomWorld {
 public:
  // `skipped`: draws that are left out before each, so that a seed means another world.
  explicit RandomWorld(unsigned seed, int skipped)
      : random_(seed), ports_(seed), skipped_(skipped) {
    world.adopted = !one_in(20);
    world.adopted_at = some_time();
    world.engine_up = !one_in(8);
    const InstanceId id = InstanceId::make(kNow);
    InstanceWorld& it = world.instances[id];
    it.id = id;
    if (one_in(12)) {
      it.deleted = one_in(2);
      if (!it.deleted) it.orphan_since = some_time();
    }
    make_desired(it);
    for (const auto& deployment : deployments_) make_replicas(it, *deployment);
    make_routes(it);
    if (it.deleted || it.orphan_since) it.desired = nullptr;
    for (const auto& deployment : deployments_)
      if (one_in(3)) {
        DeploymentWorld& known = it.deployments[deployment->id];
        if (one_in(2)) known.window_from = some_time();
        if (one_in(3)) known.recording = DeploymentStatus::success;
        if (one_in(4)) known.record_at = some_time();
        known.work = one_in(2) ? Work::none : static_cast<Work>(below(4));
        known.cancelling = known.work != Work::none && one_in(3);
        known.recording_progress = known.work == Work::none && one_in(6);
        if (known.work == Work::none && one_in(4))
          known.found =
              ProgressChange{.deployment_id = deployment->id, .instance_id = it.id, .progress = {}};
        if (one_in(4)) known.work_at = some_time();
        if (one_in(8)) known.failure = "it broke";
        if (one_in(8)) known.skip_reason = "nothing to do";
      }
  }

  InstanceWorld& instance() { return world.instances.begin()->second; }
  World world;

 private:
  int below(int n) {
    random_.discard(static_cast<unsigned>(skipped_));
    return static_cast<int>(random_() % static_cast<unsigned>(n));
  }
  bool one_in(int n) { return below(n) == 0; }
  TimePoint some_time() { return kNow + std::chrono::milliseconds(below(120'000) - 60'000); }

  void make_desired(InstanceWorld& it) {
    auto desired = std::make_shared<Desired>();
    desired->instance_id = it.id;
    desired->epoch = below(2);
    if (!one_in(4)) desired->hosts = {"api.localhost"};
    if (ports_() % 4 == 0) desired->tcp_proxy = TcpProxy{20000, 5432};
    for (int i = below(4); i > 0; --i) {
      Deployment deployment;
      deployment.id = DeploymentId::make(kNow);
      deployment.instance_id = it.id;
      deployment.status = static_cast<DeploymentStatus>(below(11));
      deployment.progress = {
          .prepared = !one_in(8), .image = one_in(8) ? "" : "web:1", .pre_deployed = !one_in(8)};
      deployment.settings.deploy.replicas = below(4);
      deployment.settings.deploy.pre_deploy_command = {"migrate"};
      DeploySettings& deploy = deployment.settings.deploy;
      deploy.restart_policy = static_cast<RestartPolicy>(below(3));
      deploy.overlap_seconds = below(3) * 10;
      deploy.healthcheck_timeout_seconds = 1 + below(60);
      make_rollout(deployment);
      deployment.updated_at = some_time();
      deployments_.insert(deployments_.begin(), std::make_shared<const Deployment>(deployment));
    }
    desired->deployments = deployments_;
    it.desired = desired;
  }

  void make_rollout(Deployment& deployment) {
    RolloutSettings& rollout = deployment.settings.deploy.rollout;
    rollout.strategy = static_cast<Strategy>(below(4));
    rollout.max_surge_percent = one_in(2) ? 100 : 50;
    rollout.max_unavailable_percent = one_in(3) ? 50 : 0;
    rollout.interval_seconds = 1 + below(60);
    rollout.keep_seconds = below(60);
    deployment.rollout.step = below(last_step(deployment) + 1);
    if (one_in(2)) deployment.rollout.since = some_time();
    deployment.rollout.order = static_cast<RolloutOrder>(below(3));
    DeploySettings& deploy = deployment.settings.deploy;
    deploy.sleep = {.enabled = one_in(4), .idle_seconds = 10};
    if (one_in(4)) deploy.scaling = {.min_replicas = 1, .max_replicas = 3, .concurrency = 5};
  }

  void make_replicas(InstanceWorld& it, const Deployment& deployment) {
    for (int epoch = 0; epoch < 2; ++epoch)
      for (int ordinal = 0; ordinal < 4; ++ordinal)
        if (one_in(2)) make_replica(it, {deployment.id, epoch, ordinal});
  }

  void make_replica(InstanceWorld& it, const ReplicaKey& key) {
    ReplicaWorld& replica = it.replicas[key];
    replica.key = key;
    if (!one_in(5)) {
      Container& container = replica.container.emplace();
      container.key = key;
      container.instance_id = it.id;
      container.container_id = key.id();
      container.state = one_in(4) ? ContainerState::exited : ContainerState::running;
      container.port_mode = static_cast<PortMode>(below(3));
      container.started_at = kNow - std::chrono::milliseconds(below(60'000));
      if (container.state == ContainerState::exited)
        container.exit = ContainerExit{below(2), false, some_time()};
      else if (container.port_mode != PortMode::none && !one_in(10))
        container.address = Address{"10.0.0." + std::to_string(key.ordinal), 80};
    }
    const bool runs = replica.container && replica.container->state == ContainerState::running;
    if (one_in(3)) replica.busy = static_cast<Busy>(below(5));
    if (runs && one_in(2)) {
      replica.ready = replica.open = true;
      replica.ready_since = some_time();
    } else if (runs && one_in(4)) {
      replica.unready_since = some_time();
    }
    replica.probing = runs && one_in(3);
    replica.next_probe_at = some_time();
    replica.retry_at = some_time();
    replica.gave_up = one_in(8);
    replica.completed = !replica.gave_up && one_in(8) && !runs;
    replica.refused = one_in(12);
    replica.stop_asked = one_in(8);
    replica.recording = one_in(4);
    if (one_in(4)) replica.proof = ProofMaker::make(key);
    if (one_in(4)) replica.record_at = some_time();
  }

  void make_routes(InstanceWorld& it) {
    it.applied.instance_id = it.id;
    if (!one_in(3)) it.applied.hosts = it.desired->hosts;
    for (const auto& [key, replica] : it.replicas)
      if (replica.container && replica.container->address && one_in(3) && !it.applied.hosts.empty())
        it.applied.backends.push_back({key, *replica.container->address, one_in(3)});
    if (one_in(5)) it.requested = it.applied;
    if (one_in(4)) it.route_at = some_time();
  }

  std::mt19937 random_;
  std::mt19937 ports_;  // of its own, so that older seeds mean what they meant
  const int skipped_;
  std::vector<std::shared_ptr<const Deployment>> deployments_;
};

const ReplicaWorld* find(const InstanceWorld& it, const ReplicaKey& key) {
  const auto found = it.replicas.find(key);
  return found == it.replicas.end() ? nullptr : &found->second;
}

bool runs(const ReplicaWorld* replica) {
  return replica != nullptr && replica->container &&
         replica->container->state == ContainerState::running;
}

// What holds for an action alone, whatever the world is.
struct Safe {
  const World& world;
  const InstanceWorld& it;
  std::set<ReplicaKey> touched = {};
  std::set<DeploymentId> stepped = {};

  void once(const ReplicaKey& key) {
    EXPECT_TRUE(touched.insert(key).second) << "two deeds for " << key.id();
    const ReplicaWorld* replica = find(it, key);
    EXPECT_TRUE(replica == nullptr || replica->busy == Busy::none) << "busy: " << key.id();
    EXPECT_TRUE(world.engine_up) << "the engine is away";
  }
  void operator()(const Start& a) {
    once(a.spec.key);
    EXPECT_FALSE(runs(find(it, a.spec.key)));
    EXPECT_FALSE(a.spec.image.empty());
    const ReplicaWorld* replica = find(it, a.spec.key);
    EXPECT_TRUE(replica == nullptr || (!replica->gave_up && !replica->completed));
    EXPECT_TRUE(replica == nullptr || replica->retry_at <= kNow) << "started too early";
    ASSERT_TRUE(it.desired);
    EXPECT_LT(a.spec.key.ordinal, replicas_of(it, a.spec.key.deployment_id));
    EXPECT_TRUE(deployment_of(it, a.spec.key.deployment_id)->progress.done());
    EXPECT_TRUE(is_live(deployment_of(it, a.spec.key.deployment_id)->status));
  }
  // One step at a time, and only of who is waited for.
  void step(const DeploymentId& id) {
    EXPECT_TRUE(stepped.insert(id).second) << "two steps at once";
    const Roles roles = cast_roles(world, it, kNow);
    ASSERT_TRUE(roles.candidate);
    EXPECT_EQ(roles.candidate->id, id);
    const auto known = it.deployments.find(id);
    if (known == it.deployments.end()) return;
    EXPECT_EQ(known->second.work, Work::none);
    EXPECT_FALSE(known->second.recording_progress);
    EXPECT_TRUE(known->second.failure.empty() && known->second.skip_reason.empty());
    EXPECT_LE(known->second.work_at, kNow) << "tried again too early";
  }
  void operator()(const Prepare& a) {
    step(a.order.deployment_id);
    EXPECT_FALSE(deployment_of(it, a.order.deployment_id)->progress.prepared);
  }
  void operator()(const Build& a) {
    step(a.order.deployment_id);
    EXPECT_TRUE(world.engine_up);
    EXPECT_TRUE(a.progress.prepared && a.progress.image.empty());
  }
  void operator()(const RunOnce& a) {
    step(a.spec.deployment_id);
    EXPECT_TRUE(world.engine_up);
    EXPECT_TRUE(a.progress.prepared && !a.progress.pre_deployed);
    EXPECT_FALSE(a.spec.image.empty());
    EXPECT_FALSE(a.spec.command.empty());
  }
  void operator()(const Cancel& a) {
    const auto known = it.deployments.find(a.deployment_id);
    ASSERT_NE(known, it.deployments.end());
    EXPECT_NE(known->second.work, Work::none);
    EXPECT_FALSE(known->second.cancelling);
    const Roles roles = cast_roles(world, it, kNow);
    EXPECT_TRUE(roles.candidate == nullptr || roles.candidate->id != a.deployment_id);
  }
  void operator()(const RecordProgress& a) {
    step(a.change.deployment_id);
    EXPECT_TRUE(it.deployments.at(a.change.deployment_id).found);
  }
  void operator()(const Stop& a) {
    once(a.proof.key());
    ASSERT_TRUE(runs(find(it, a.proof.key())));
    EXPECT_TRUE(find(it, a.proof.key())->proof);
    EXPECT_FALSE(it.routed(a.proof.key())) << "stopped while it takes requests";
  }
  void operator()(const Drain& a) {
    once(a.key);
    EXPECT_FALSE(it.routed(a.key)) << "drained while it takes requests";
    EXPECT_EQ(a.deadlines.streams, kNow + Seconds(60));
  }
  void operator()(const Remove& a) {
    once(a.key);
    EXPECT_FALSE(runs(find(it, a.key)));
    EXPECT_TRUE(find(it, a.key)->container);
  }
  // Two epochs of one version, while another one is on its way: a restart that was overtaken.
  bool is_reunion(const Route& route) {
    std::set<DeploymentId> versions;
    for (const RouteBackend& b : route.backends)
      if (!b.draining && b.weight > 0) versions.insert(b.key.deployment_id);
    return versions.size() == 1 && cast_roles(world, it, kNow).candidate != nullptr;
  }
  // Else only a canary and a replacement one by one let two versions serve.
  bool shares(const Route& route) {
    if (is_reunion(route)) return true;
    return std::any_of(route.backends.begin(), route.backends.end(), [&](const RouteBackend& b) {
      const Deployment* deployment = deployment_of(it, b.key.deployment_id);
      return deployment != nullptr &&
             (deployment->settings.deploy.rollout.strategy == Strategy::canary ||
              !at_once(deployment->settings.deploy));
    });
  }
  void operator()(const RecordRollout& a) {
    const Deployment* deployment = deployment_of(it, a.change.deployment_id);
    ASSERT_NE(deployment, nullptr);
    EXPECT_EQ(deployment->status, DeploymentStatus::deploying);
    EXPECT_GE(a.change.step, 0);
    EXPECT_LE(a.change.step, last_step(*deployment));
    EXPECT_FALSE(a.change.step < deployment->rollout.step) << "a step back";
  }
  void operator()(const RecordScale& a) {
    EXPECT_GE(a.change.replicas, 1);
    EXPECT_LE(a.change.replicas, 3);
    EXPECT_FALSE(it.demand.recording);
  }
  void operator()(const SetRoute& a) {
    EXPECT_FALSE(it.requested) << "one route at a time";
    std::set<std::pair<DeploymentId, int>> revisions;
    for (const RouteBackend& backend : a.route.backends) {
      ASSERT_TRUE(runs(find(it, backend.key))) << "routed though it does not run";
      if (backend.draining) continue;
      EXPECT_TRUE(find(it, backend.key)->ready);
      EXPECT_FALSE(find(it, backend.key)->stop_asked);
      if (backend.weight > 0) revisions.insert({backend.key.deployment_id, backend.key.epoch});
    }
    EXPECT_LE(revisions.size(), shares(a.route) ? 2u : 1u) << "two revisions serve";
    for (const RouteBackend& had : it.applied.backends) {
      if (!runs(find(it, had.key))) continue;
      const bool kept = std::any_of(a.route.backends.begin(), a.route.backends.end(),
                                    [&](const RouteBackend& b) { return b.key == had.key; });
      EXPECT_TRUE(kept) << "cut off from its sessions: " << had.key.id();
    }
  }
  void operator()(const Probe& a) {
    EXPECT_TRUE(runs(find(it, a.key)));
    EXPECT_FALSE(find(it, a.key)->probing);
  }
  void operator()(const RecordStatus& a) {
    const Deployment* deployment = deployment_of(it, a.change.deployment_id);
    ASSERT_NE(deployment, nullptr);
    EXPECT_FALSE(is_terminal(deployment->status));
    EXPECT_TRUE(deployment->status != a.change.status || deployment->reason != a.change.reason);
    EXPECT_TRUE(a.change.status != DeploymentStatus::failed || !a.change.reason.empty());
    if (a.change.status != DeploymentStatus::removed) return;
    for (const auto& [key, replica] : it.replicas)
      EXPECT_TRUE(key.deployment_id != a.change.deployment_id ||
                  (!replica.container && replica.busy == Busy::none))
          << "removed though something is left of it: " << key.id();
  }
  void operator()(const RecordReplica& a) { EXPECT_FALSE(find(it, a.replica.key)->recording); }
};

struct Drawn {
  unsigned seed;
  int skipped;
};

// Each found something once.
constexpr Drawn kKept[] = {
    {12780, 0},              // one that leaves became ready by time alone, and nobody woke for it
    {71647, 1},              // the old colour's time was over while a status was being written
    {29962, 2}, {15405, 3},  // as the first
    {21736, 0}, {47271, 1}, {3983, 2}  // two epochs of one version, which is no fault
};

class SchedulerPlan : public ::testing::Test {
 protected:
  template <class F>
  static void of_each(F look) {
    const char* wanted = std::getenv("GANTRY_PLAN_WORLDS");
    const unsigned worlds = wanted == nullptr ? 10'000 : std::strtoul(wanted, nullptr, 10);
    const int kinds = wanted == nullptr ? 1 : 4;
    std::vector<Drawn> drawn(std::begin(kKept), std::end(kKept));
    for (int skipped = 0; skipped < kinds; ++skipped)
      for (unsigned seed = 0; seed < worlds; ++seed) drawn.push_back({seed, skipped});
    for (const Drawn& one : drawn) {
      SCOPED_TRACE("seed " + std::to_string(one.seed) + " skipped " + std::to_string(one.skipped));
      RandomWorld random(one.seed, one.skipped);
      look(random);
      if (HasFailure()) return;
    }
  }
};

TEST_F(SchedulerPlan, EveryActionIsSafe) {
  of_each([](RandomWorld& random) {
    const Plan planned = plan(random.world, random.instance(), kNow);
    // Before adoption all that may be done is to say why nothing happens.
    for (const Action& action : planned.actions)
      EXPECT_TRUE(random.world.adopted || std::holds_alternative<RecordStatus>(action))
          << describe(action);
    Safe safe{random.world, random.instance()};
    for (const Action& action : planned.actions) {
      SCOPED_TRACE(describe(action));
      std::visit(safe, action);
    }
  });
}

TEST_F(SchedulerPlan, PlanningTwiceGivesNothingNew) {
  of_each([](RandomWorld& random) {
    for (const Action& action : plan(random.world, random.instance(), kNow).actions)
      dispatched(random.world, action, kNow);
    const Plan again = plan(random.world, random.instance(), kNow);
    for (const Action& action : again.actions) ADD_FAILURE() << describe(action);
  });
}

TEST_F(SchedulerPlan, ItWakesInTheFuture) {
  of_each([](RandomWorld& random) {
    const Plan planned = plan(random.world, random.instance(), kNow);
    EXPECT_GT(planned.wake_at.value_or(TimePoint::max()), kNow);
  });
}

// Between now and wake_at, time alone changes nothing.
TEST_F(SchedulerPlan, ItWakesEarlyEnough) {
  of_each([](RandomWorld& random) {
    for (const Action& action : plan(random.world, random.instance(), kNow).actions)
      dispatched(random.world, action, kNow);
    const Plan planned = plan(random.world, random.instance(), kNow);
    const TimePoint end = planned.wake_at.value_or(kNow + std::chrono::hours(24));
    for (const Duration before : {Duration(1), (end - kNow) / 2}) {
      const Plan later = plan(random.world, random.instance(), end - before);
      for (const Action& action : later.actions)
        ADD_FAILURE() << describe(action) << " " << (end - before - kNow).count() << " us later";
    }
  });
}

}  // namespace
}  // namespace gantry
