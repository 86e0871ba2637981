// Facts that come late, twice or out of order, and the roles that follow from them.
#include "scheduler/world.hpp"

#include <gtest/gtest.h>

#include "scheduler/plan.hpp"

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'800'000'000));

class SchedulerWorld : public ::testing::Test {
 protected:
  SchedulerWorld() {
    desired_.instance_id = id_;
    desired_.hosts = {"api.localhost"};
  }

  Deployment& add_deployment(DeploymentStatus status) {
    auto deployment = std::make_shared<Deployment>();
    deployment->id = DeploymentId::make(kNow);
    deployment->instance_id = id_;
    deployment->status = status;
    deployment->progress = {.prepared = true, .image = "web:1", .pre_deployed = true};
    deployment->settings.deploy.replicas = 2;
    deployment->updated_at = kNow;
    desired_.deployments.insert(desired_.deployments.begin(), deployment);
    return *deployment;
  }
  void publish(TimePoint now = kNow) {
    absorb(world_, DesiredChanged{id_, std::make_shared<Desired>(desired_)}, now);
  }
  Container container(const ReplicaKey& key, ContainerState state = ContainerState::running) {
    Container out;
    out.key = key;
    out.instance_id = id_;
    out.container_id = "c-" + key.id();
    out.state = state;
    out.port_mode = PortMode::fixed;
    out.started_at = kNow;
    if (state == ContainerState::running) out.address = Address{"10.0.0.1", 80 + key.ordinal};
    return out;
  }
  Container exited(const ReplicaKey& key, int code, TimePoint at) {
    Container out = container(key, ContainerState::exited);
    out.exit = ContainerExit{code, false, at};
    if (at < kNow) out.started_at = at - Seconds(5);  // the run before
    return out;
  }
  void serve(const ReplicaKey& key) {
    absorb(world_, ContainerSeen{container(key)}, kNow);
    absorb(world_, ProbeFinished{id_, key, "c-" + key.id(), {true, ""}}, kNow);
  }
  void route(const std::vector<RouteBackend>& backends) {
    absorb(world_, RoutesApplied{1, {Route{id_, desired_.hosts, backends}}}, kNow);
  }
  InstanceWorld& instance() { return world_.instances.at(id_); }
  ReplicaWorld& replica(const ReplicaKey& key) { return instance().replicas.at(key); }
  template <class T>
  int count(const Plan& planned) {
    return static_cast<int>(
        std::count_if(planned.actions.begin(), planned.actions.end(),
                      [](const Action& action) { return std::holds_alternative<T>(action); }));
  }

  const InstanceId id_ = InstanceId::make(kNow);
  Desired desired_;
  World world_;
};

TEST_F(SchedulerWorld, AnExitToldBeforeItsStartAnswersIsNotLost) {
  const ReplicaKey key{add_deployment(DeploymentStatus::deploying).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  dispatched(world_, Start{container_spec(desired_, *desired_.deployments[0], key)}, kNow);
  const TimePoint end = kNow + std::chrono::milliseconds(3);
  absorb(world_, ContainerSeen{exited(key, 3, end)}, end);
  absorb(world_, DeedDone{id_, key, Deed::start, container(key)}, end);
  EXPECT_EQ(replica(key).container->state, ContainerState::exited);
  EXPECT_EQ(replica(key).restarts, 1);
}

TEST_F(SchedulerWorld, AnExitOfTheRunBeforeDoesNotEndTheNextOne) {
  const ReplicaKey key{add_deployment(DeploymentStatus::deploying).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  dispatched(world_, Start{container_spec(desired_, *desired_.deployments[0], key)}, kNow);
  absorb(world_, ContainerSeen{exited(key, 3, kNow - Seconds(1))}, kNow);
  absorb(world_, DeedDone{id_, key, Deed::start, container(key)}, kNow);
  EXPECT_EQ(replica(key).container->state, ContainerState::running);
  EXPECT_EQ(replica(key).restarts, 0);
}

TEST_F(SchedulerWorld, AnExitThatNobodySawIsNotCounted) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {container(key)}}, kNow);
  absorb(world_, Listed{kNow + Seconds(30), {exited(key, 137, kNow + Seconds(9))}},
         kNow + Seconds(30));
  EXPECT_EQ(replica(key).restarts, 0);
  EXPECT_EQ(replica(key).retry_at, kNow + Seconds(30));
  EXPECT_FALSE(replica(key).gave_up);
}

TEST_F(SchedulerWorld, AnExitThatWasSeenIsCountedOnce) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {container(key)}}, kNow);
  const Container gone = exited(key, 1, kNow + Seconds(5));
  absorb(world_, ContainerSeen{gone}, kNow + Seconds(5));
  absorb(world_, ContainerSeen{gone}, kNow + Seconds(6));
  absorb(world_, Listed{kNow + Seconds(7), {gone}}, kNow + Seconds(7));
  EXPECT_EQ(replica(key).restarts, 1);
}

TEST_F(SchedulerWorld, AListFromBeforeAnEventIsNotBelieved) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  absorb(world_, ContainerSeen{container(key)}, kNow + Seconds(2));
  absorb(world_, Listed{kNow + Seconds(1), {}}, kNow + Seconds(3));
  EXPECT_TRUE(replica(key).container) << "it was made after the list was asked for";
  absorb(world_, Listed{kNow + Seconds(1), {exited(key, 1, kNow + Seconds(1))}}, kNow + Seconds(3));
  EXPECT_EQ(replica(key).container->state, ContainerState::running);
  absorb(world_, Listed{kNow + Seconds(4), {}}, kNow + Seconds(4));
  EXPECT_FALSE(replica(key).container);
}

TEST_F(SchedulerWorld, WhileItStartsOnlyTheDeedsAnswerCounts) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {exited(key, 1, kNow - Seconds(9))}}, kNow);
  for (const Action& action : plan(world_, instance(), kNow).actions)
    dispatched(world_, action, kNow);
  ASSERT_EQ(replica(key).busy, Busy::starting);
  absorb(world_, ContainerSeen{exited(key, 1, kNow - Seconds(9))}, kNow);
  absorb(world_, ContainerGone{key, id_, "c-" + key.id()}, kNow);
  absorb(world_, Listed{kNow + Seconds(1), {}}, kNow + Seconds(1));
  EXPECT_EQ(replica(key).restarts, 0);
  EXPECT_EQ(replica(key).busy, Busy::starting);
  EXPECT_TRUE(replica(key).container);
  absorb(world_, DeedDone{id_, key, Deed::start, container(key)}, kNow + Seconds(2));
  EXPECT_EQ(replica(key).container->state, ContainerState::running);
}

TEST_F(SchedulerWorld, TheExitBeforeThisRunIsOldNews) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, ContainerSeen{container(key)}, kNow);
  absorb(world_, ContainerSeen{exited(key, 1, kNow - Seconds(1))}, kNow + Seconds(1));
  EXPECT_EQ(replica(key).container->state, ContainerState::running);
  EXPECT_EQ(replica(key).restarts, 0);
}

TEST_F(SchedulerWorld, TheEndOfAnEarlierContainerToldLateSaysNothing) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, ContainerSeen{container(key)}, kNow);
  absorb(world_, ContainerGone{key, id_, "the one before"}, kNow);
  EXPECT_TRUE(replica(key).container);
  absorb(world_, ContainerGone{key, id_, "c-" + key.id()}, kNow);
  EXPECT_FALSE(replica(key).container);
}

TEST_F(SchedulerWorld, WhatIsToldOfAContainerThatIsGoneIsOldNews) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, ContainerSeen{container(key)}, kNow);
  replica(key).busy = Busy::removing;
  absorb(world_, DeedDone{id_, key, Deed::remove, {}}, kNow);
  absorb(world_, ContainerSeen{container(key)}, kNow);
  absorb(world_, ContainerSeen{exited(key, 0, kNow)}, kNow);
  EXPECT_FALSE(replica(key).container);
  EXPECT_FALSE(replica(key).completed);
}

TEST_F(SchedulerWorld, AProbeOfAnEarlierContainerSaysNothing) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, ContainerSeen{container(key)}, kNow);
  absorb(world_, ProbeFinished{id_, key, "another", {true, ""}}, kNow);
  EXPECT_FALSE(replica(key).ready);
  absorb(world_, ProbeFinished{id_, key, "c-" + key.id(), {true, ""}}, kNow);
  EXPECT_TRUE(replica(key).ready);
}

TEST_F(SchedulerWorld, RestartsAreForgottenOnlyAfterALongHealthyRun) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  for (const int seconds : {59, 60}) {
    world_ = World();
    publish();
    serve(key);
    replica(key).restarts = 5;
    replica(key).counted_exit.reset();
    const TimePoint at = kNow + Seconds(seconds);
    absorb(world_, ContainerSeen{exited(key, 1, at)}, at);
    EXPECT_EQ(replica(key).restarts, seconds < 60 ? 6 : 1);
  }
}

TEST_F(SchedulerWorld, ACandidateThatServesKeepsServing) {
  const ReplicaKey old{add_deployment(DeploymentStatus::success).id, 0, 0};
  const DeploymentId candidate = add_deployment(DeploymentStatus::deploying).id;
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  serve(old);
  serve({candidate, 0, 0});
  EXPECT_EQ(cast_roles(world_, instance(), kNow).serving.at(0).revision.deployment_id,
            old.deployment_id)
      << "one of two is not enough";
  serve({candidate, 0, 1});
  EXPECT_EQ(cast_roles(world_, instance(), kNow).serving.at(0).revision.deployment_id, candidate);
  route(
      {{{candidate, 0, 0}, {"10.0.0.1", 80}, false}, {{candidate, 0, 1}, {"10.0.0.1", 81}, false}});
  replica({candidate, 0, 1}).ready = false;
  EXPECT_EQ(cast_roles(world_, instance(), kNow).serving.at(0).revision.deployment_id, candidate)
      << "no way back and forth";
}

TEST_F(SchedulerWorld, NoRestartWhileADeploymentIsUnderWay) {
  const DeploymentId active = add_deployment(DeploymentStatus::success).id;
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  serve({active, 0, 0});
  serve({active, 0, 1});
  route({{{active, 0, 0}, {"10.0.0.1", 80}, false}, {{active, 0, 1}, {"10.0.0.1", 81}, false}});
  add_deployment(DeploymentStatus::queued);
  desired_.epoch = 1;
  publish();
  const Roles roles = cast_roles(world_, instance(), kNow);
  ASSERT_EQ(roles.wanted.size(), 2u);
  EXPECT_EQ(roles.wanted[0].revision, (Revision{roles.candidate->id, 1}));
  EXPECT_EQ(roles.wanted[1].revision, (Revision{active, 0}));
  ASSERT_EQ(roles.serving.size(), 1u);
  EXPECT_EQ(roles.serving[0].revision, (Revision{active, 0}));
}

TEST_F(SchedulerWorld, BothVersionsRunForTheOverlap) {
  const ReplicaKey old{add_deployment(DeploymentStatus::removing).id, 0, 0};
  Deployment& active = add_deployment(DeploymentStatus::success);
  active.settings.deploy.overlap_seconds = 20;
  publish();
  absorb(world_, Listed{kNow, {container(old)}}, kNow);
  const Plan early = plan(world_, instance(), kNow + Seconds(19));
  EXPECT_EQ(count<Drain>(early), 0);
  EXPECT_LE(early.wake_at, kNow + Seconds(20));
  EXPECT_EQ(count<Drain>(plan(world_, instance(), kNow + Seconds(20))), 1);
}

TEST_F(SchedulerWorld, AForgottenEdgeRepliesLater) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  serve(key);
  const Plan first = plan(world_, instance(), kNow);
  ASSERT_EQ(count<SetRoute>(first), 1);
  for (const Action& action : first.actions) dispatched(world_, action, kNow);
  EXPECT_EQ(count<SetRoute>(plan(world_, instance(), kNow)), 0);
  absorb(world_, RouteFailed{id_, "refused"}, kNow);
  EXPECT_EQ(count<SetRoute>(plan(world_, instance(), kNow)), 0) << "not at once";
  EXPECT_EQ(count<SetRoute>(plan(world_, instance(), kNow + Seconds(1))), 1);
}

TEST_F(SchedulerWorld, AnEngineOnItsWayDownTakesItsExitsWithIt) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  const ReplicaKey earlier{key.deployment_id, 0, 1};
  publish();
  absorb(world_, Listed{kNow, {container(key), container(earlier)}}, kNow);
  absorb(world_, ContainerSeen{exited(earlier, 1, kNow + Seconds(5))}, kNow + Seconds(5));
  absorb(world_, ContainerSeen{exited(key, 143, kNow + Seconds(58))}, kNow + Seconds(58));
  absorb(world_, EngineLost{}, kNow + Seconds(60));
  EXPECT_EQ(replica(key).restarts, 0);
  EXPECT_EQ(replica(earlier).restarts, 1) << "too long ago to be the engine's doing";
  EXPECT_TRUE(plan(world_, instance(), kNow + Seconds(61)).actions.empty() ||
              count<Start>(plan(world_, instance(), kNow + Seconds(61))) == 0);
}

TEST_F(SchedulerWorld, AClockThatIsSetBackPutsNothingOff) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  serve(key);
  const TimePoint then = kNow - Seconds(3600);
  EXPECT_TRUE(follow_clock(world_, then));
  Container ended = exited(key, 1, then);
  ended.started_at = kNow;  // the same run
  absorb(world_, Listed{then + Seconds(1), {ended}}, then + Seconds(1));
  EXPECT_EQ(replica(key).container->state, ContainerState::exited) << "an hour of old lists";
  serve({key.deployment_id, 0, 1});
  EXPECT_TRUE(follow_clock(world_, then));
  EXPECT_LE(replica({key.deployment_id, 0, 1}).next_probe_at, then + Seconds(10));
  EXPECT_FALSE(follow_clock(world_, then - std::chrono::milliseconds(100)));
}

TEST_F(SchedulerWorld, WhoTakesOverForgetsWhatItMadeOfOrderedExits) {
  const DeploymentId id = add_deployment(DeploymentStatus::success).id;
  const ReplicaKey stopped{id, 0, 0}, done{id, 0, 1};
  publish();
  for (const ReplicaKey& key : {stopped, done}) {
    serve(key);
    absorb(world_, ContainerSeen{exited(key, 0, kNow)}, kNow);  // by the other one's order, maybe
    ASSERT_TRUE(replica(key).completed);
  }
  Replica told;
  told.key = done;
  told.instance_id = id_;
  told.status = ReplicaStatus::exited;
  told.exit_code = 0;
  told.exited_at = kNow;
  absorb(world_, TookOver{{told}}, kNow);
  EXPECT_FALSE(replica(stopped).completed);
  EXPECT_TRUE(replica(done).completed) << "the other one has seen to it";
}

TEST_F(SchedulerWorld, ACrashIsRememberedOverARestartOfTheDaemon) {
  const ReplicaKey key{add_deployment(DeploymentStatus::deploying).id, 0, 0};
  publish();
  serve(key);
  absorb(world_, ContainerSeen{exited(key, 1, kNow)}, kNow);
  Container again = container(key);
  again.started_at = kNow + Seconds(1);
  absorb(world_, ContainerSeen{again}, kNow + Seconds(1));
  const Replica told = describe_replica(instance(), replica(key), true);
  EXPECT_EQ(told.status, ReplicaStatus::running);
  EXPECT_EQ(told.exited_at, kNow);
  world_ = World();
  publish();
  absorb(world_, ReplicaRemembered{told}, kNow + Seconds(2));
  EXPECT_EQ(replica(key).crashed_at, kNow);
}

TEST_F(SchedulerWorld, ARefusedStartIsTriedAgainByTheNextDaemon) {
  const DeploymentId id = add_deployment(DeploymentStatus::success).id;
  publish();
  Replica told;
  told.instance_id = id_;
  told.status = ReplicaStatus::crashed;
  told.key = {id, 0, 0};
  absorb(world_, ReplicaRemembered{told}, kNow);
  told.key = {id, 0, 1};
  told.exited_at = kNow;
  absorb(world_, ReplicaRemembered{told}, kNow);
  EXPECT_FALSE(replica({id, 0, 0}).gave_up);
  EXPECT_TRUE(replica({id, 0, 1}).gave_up);
}

TEST_F(SchedulerWorld, OneThatIsReadyAfterAllHasNotCrashed) {
  add_deployment(DeploymentStatus::success).settings.deploy.replicas = 1;
  const ReplicaKey key{desired_.deployments.front()->id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  serve(key);
  replica(key).gave_up = true;
  for (const Action& action : plan(world_, instance(), kNow).actions)
    EXPECT_FALSE(std::holds_alternative<RecordStatus>(action)) << describe(action);
}

TEST_F(SchedulerWorld, AStopThatFailedIsOrderedAgainThoughItIsWantedAgain) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  serve(key);
  replica(key).stop_asked = true;
  replica(key).busy = Busy::stopping;
  absorb(world_, DeedFailed{id_, key, Deed::stop, {Code::unavailable, "engine", ""}}, kNow);
  EXPECT_EQ(count<Drain>(plan(world_, instance(), kNow + Seconds(60))), 1) << "its proof first";
}

// The old version's container may begin, by an order of a daemon that died, after everybody was
// asked who has the volume.
TEST_F(SchedulerWorld, AVolumeThatSomebodyStillHasIsWaitedFor) {
  const ReplicaKey key{add_deployment(DeploymentStatus::deploying).id, 0, 0};
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  for (const auto& [reason, ends] : {std::pair("volume_in_use", false), {"name_in_use", true}}) {
    instance().replicas[key].busy = Busy::starting;
    absorb(world_, DeedFailed{id_, key, Deed::start, {Code::conflict, reason, ""}}, kNow);
    EXPECT_EQ(replica(key).refused, ends) << reason;
  }
}

TEST_F(SchedulerWorld, WhoSendsAShareLooksAgainWhenTheOtherServes) {
  const ReplicaKey key{add_deployment(DeploymentStatus::success).id, 0, 0};
  publish();
  const auto sender = InstanceId::make(kNow);
  auto desired = std::make_shared<Desired>();
  desired->instance_id = sender;
  desired->split = TrafficSplit{id_, 50};
  absorb(world_, DesiredChanged{sender, desired}, kNow);
  const Address address{"10.0.0.1", 80};
  route({{key, address, true}});
  world_.dirty.clear();
  route({{key, address, true}, {{key.deployment_id, 0, 1}, address}});
  EXPECT_TRUE(world_.dirty.contains(sender));
}

TEST_F(SchedulerWorld, ARestartGoesOnAfterOneThatServedAndEnded) {
  Deployment& one = add_deployment(DeploymentStatus::success);
  one.settings.deploy.rollout.max_surge_percent = 50;
  desired_.epoch = 1;
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  const ReplicaKey ended{one.id, 1, 0};
  for (const ReplicaKey& key : {ReplicaKey{one.id, 0, 0}, ReplicaKey{one.id, 0, 1}, ended})
    serve(key);
  const Address address{"10.0.0.1", 80};
  route({{{one.id, 0, 0}, address}, {{one.id, 0, 1}, address}, {ended, address}});
  absorb(world_, ContainerSeen{exited(ended, 0, kNow)}, kNow);
  const auto left = [&] {
    return cast_roles(world_, instance(), kNow).wants({one.id, 0})->ordinals.size();
  };
  EXPECT_EQ(left(), 2u) << "nobody was told";
  absorb(world_, ReplicaRecorded{describe_replica(instance(), replica(ended), true), true}, kNow);
  EXPECT_EQ(left(), 1u);
}

TEST_F(SchedulerWorld, WhoLosesAVolumeDoesNotKeepItUntilItIsWellWithoutIt) {
  Deployment& one = add_deployment(DeploymentStatus::success);
  one.settings.deploy.replicas = 1;
  desired_.epoch = 1;
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  const ReplicaKey old{one.id, 0, 0};
  serve(old);
  route({{old, Address{"10.0.0.1", 80}}});
  EXPECT_NE(cast_roles(world_, instance(), kNow).wants({one.id, 0}), nullptr)
      << "without a volume it serves until the new one does";
  replica(old).volumes = {VolumeId::make(kNow)};
  EXPECT_EQ(cast_roles(world_, instance(), kNow).wants({one.id, 0}), nullptr);
  desired_.mounts = {{replica(old).volumes[0], "/data", true}};
  publish();
  EXPECT_NE(cast_roles(world_, instance(), kNow).wants({one.id, 0}), nullptr) << "it has it still";
}

TEST_F(SchedulerWorld, ARestartTakesOverFromTheEpochThatServes) {
  Deployment& one = add_deployment(DeploymentStatus::success);
  one.settings.deploy.rollout.max_surge_percent = 50;
  desired_.epoch = 3;
  publish();
  absorb(world_, Listed{kNow, {}}, kNow);
  const Address address{"10.0.0.1", 80};
  for (const int epoch : {1, 2, 3}) serve({one.id, epoch, 0});
  route({{{one.id, 1, 0}, address}, {{one.id, 2, 0}, address, true}, {{one.id, 3, 0}, address}});
  const Roles roles = cast_roles(world_, instance(), kNow);
  EXPECT_TRUE(roles.serves({one.id, 1}));
  EXPECT_FALSE(roles.serves({one.id, 2})) << "it drains";
}

}  // namespace
}  // namespace gantry
