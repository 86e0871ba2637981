// What people do: services of every kind, and a request every few seconds. What the store does not
// acknowledge was never asked.
#include <fmt/format.h>

#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

constexpr std::array kImages{"good:1",    "good:2", "good:3", "good:4",    "good:5",    "mute:1",
                             "leaking:1", "slow:1", "done:1", "failing:1", "crashing:1"};

DeploySettings settings(Dice& dice) {
  DeploySettings deploy;
  deploy.replicas = dice.between(1, 4);
  deploy.healthcheck_timeout_seconds = dice.between(30, 60);
  deploy.healthcheck_interval_seconds = dice.between(5, 10);
  deploy.restart_max_retries = dice.between(2, 4);
  deploy.port = dice.percent(20) ? 0 : 8080;
  deploy.overlap_seconds = dice.percent(30) ? 3 : 0;
  deploy.traffic.drain_seconds = dice.between(5, 10);
  deploy.traffic.stream_drain_seconds = dice.between(10, 20);
  RolloutSettings& rollout = deploy.rollout;
  rollout.strategy = dice.of(std::array{Strategy::rolling, Strategy::rolling, Strategy::blue_green,
                                        Strategy::canary, Strategy::recreate});
  const auto [surge, unavailable] = dice.of(std::array{
      std::pair(100, 0), std::pair(25, 0), std::pair(50, 0), std::pair(0, 50), std::pair(25, 25)});
  rollout.max_surge_percent = surge;
  rollout.max_unavailable_percent = unavailable;
  rollout.observe_seconds = dice.of(std::array{0, 5, 15, 30});
  rollout.interval_seconds = dice.between(10, 20);
  rollout.min_requests = 300;  // enough to be sure of 6 %
  rollout.keep_seconds = dice.between(20, 90);
  rollout.steps = dice.percent(50) ? std::vector{10, 50, 100} : std::vector{25, 100};
  if (deploy.port == 0) return deploy;
  if (dice.percent(20)) deploy.sleep = {.enabled = true, .idle_seconds = dice.between(20, 40)};
  if (dice.percent(20)) {
    deploy.scaling.max_replicas = 4;
    deploy.scaling.concurrency = 4;
    deploy.scaling.up_seconds = 5;
    deploy.scaling.down_seconds = 30;
  }
  return deploy;
}

}  // namespace

void Storm::found_services() {
  for (const char* image : kImages) {
    const std::string name(image);
    SimImage sim{{8080}, {"migrate"}, std::nullopt};
    if (name.starts_with("crashing")) sim.exits_at_once = 3;
    if (name.starts_with("done")) sim.exits_at_once = 0;
    engine_.add_image(name, sim);
  }
  SimArchive archive;
  archive.image.exposed = {8080};
  archive.image.programs = {"migrate"};
  for (int i = 1; i <= 3; ++i) builder_.add_archive("archive:" + std::to_string(i), archive);
  archive.build_fails = Error{Code::invalid, "build_failed", "it does not compile"};
  builder_.add_archive("archive:4", archive);
  engine_.add_foreign("somebody-else");
  const int count = dice_.between(1, 3);
  for (int i = 0; i < count; ++i) {
    Row& row = ledger_.create("svc" + std::to_string(i), settings(dice_));
    row.load = dice_.of(std::array{0, 20, 60, 200});
  }
}

Row* Storm::some_row() {
  std::vector<Row*> rows;
  for (auto& [id, row] : ledger_.rows)
    if (!row.erased) rows.push_back(&row);
  return rows.empty() ? nullptr : dice_.of(rows);
}

void Storm::deploy(Row& row) {
  Deployment wanted;
  wanted.trigger = "deploy";
  wanted.settings.deploy = row.deploy;
  if (row.plain() || dice_.percent(80)) {
    const std::string image =
        dice_.percent(65) ? kImages[static_cast<std::size_t>(dice_.below(5))] : dice_.of(kImages);
    wanted.settings.source.image = *ImageRef::parse(image);
    wanted.progress = {.prepared = true, .image = image, .pre_deployed = dice_.percent(80)};
  } else {
    wanted.settings.source.archive = "archive:" + std::to_string(dice_.between(1, 4));
  }
  if (!wanted.progress.pre_deployed && wanted.progress.prepared)
    wanted.settings.deploy.pre_deploy_command = {"migrate"};
  const DeploymentId id = ledger_.deploy(row, wanted);
  tell(fmt::format("person deploys {} {} {}", id.str(), wanted.progress.image,
                   wanted.settings.source.archive));
}

void Storm::rollouts(Row& row) {
  const Deployment* candidate = row.candidate();
  if (candidate != nullptr) {
    const DeploymentId id = candidate->id;
    const int what = dice_.below(10);
    const RolloutOrder order = what < 6   ? RolloutOrder::promote
                               : what < 8 ? RolloutOrder::pause
                                          : RolloutOrder::none;
    const Strategy strategy = candidate->settings.deploy.rollout.strategy;
    if (strategy != Strategy::blue_green && strategy != Strategy::canary) return;
    tell(fmt::format("person orders {} {}", id.str(), name(order)));
    (void)ledger_.order(row, id, order);
    return;
  }
  // Back to one that was there before.
  if (row.deployments.size() < 2) return;
  const auto& earlier = row.deployments[static_cast<std::size_t>(
      dice_.below(static_cast<int>(row.deployments.size()) - 1))];
  if (earlier.progress.image.empty()) return;
  if (has_served(earlier.status) && row.active() != nullptr && earlier.id < row.active()->id) {
    tell("person steps back to " + earlier.id.str());
    (void)ledger_.remove(row, DeploymentId(row.active()->id));
    return;
  }
  Deployment wanted;
  wanted.settings = earlier.settings;
  wanted.settings.deploy.replicas = row.deploy.replicas;
  if (wanted.settings.deploy.rollout.strategy != Strategy::recreate)
    wanted.settings.deploy.rollout.strategy = Strategy::rolling;
  wanted.trigger = "rollback";
  wanted.progress = {.prepared = true, .image = earlier.progress.image, .pre_deployed = true};
  tell("person rolls back to " + wanted.progress.image);
  (void)ledger_.deploy(row, wanted);
}

void Storm::hosts(Row& row) {
  Row* other = some_row();
  if (other == nullptr || other == &row || row.plain() || other->plain()) return;
  if (dice_.percent(40)) {
    if (row.base.split)
      row.base.split.reset();
    else
      row.base.split = TrafficSplit{other->base.instance_id, dice_.between(1, 100)};
    tell("person splits " + row.base.service);
    return;
  }
  const std::string host = "www" + std::to_string(dice_.below(2)) + ".example.com";
  InstanceId with;
  for (auto& [id, holder] : ledger_.rows)
    if (std::erase(holder.base.hosts, host) > 0) {
      ledger_.touch(holder);
      with = id;
    }
  row.base.hosts.push_back(host);
  ledger_.touch(row);
  for (Daemon& daemon : daemons_)  // one commit, told at once: who has it now first
    if (daemon.up)
      for (const InstanceId& id : {row.base.instance_id, with})
        if (!id.empty()) publish(daemon, id);
  tell("person gives " + host + " to " + row.base.service);
}

void Storm::people() {
  if (!storming_) return;
  after(dice_.span(Seconds(1), Seconds(40)), [this] { people(); });
  Row* row = some_row();
  if (ledger_.down || row == nullptr) return;
  const int what = row->deployments.empty() ? 0 : dice_.below(100);
  if (what < 40) {
    deploy(*row);
  } else if (what < 62) {
    rollouts(*row);
  } else if (what < 70) {
    tell("person scales " + row->base.service);
    ledger_.scale(*row, dice_.between(1, 4));
  } else if (what < 77) {
    tell("person restarts " + row->base.service);
    ++row->base.epoch;
  } else if (what < 82) {
    const auto& one = row->deployments[static_cast<std::size_t>(
        dice_.below(static_cast<int>(row->deployments.size())))];
    tell("person removes " + one.id.str());
    (void)ledger_.remove(*row, DeploymentId(one.id));
  } else if (what < 90) {
    hosts(*row);
  } else if (what < 98) {
    row->load = dice_.of(std::array{0, 0, 20, 60, 200});
    tell(fmt::format("load of {} is {}", row->base.service, row->load));
  } else {
    tell("person erases " + row->base.service);
    row->erased = true;
    ledger_.erase_with(row->base.instance_id);
  }
  ledger_.touch(*row);
  publish(row->base.instance_id);
}

// Requests that run and sockets that stay; who gets no new ones ends theirs in time.
void Storm::sessions() {
  for (const auto& [id, row] : ledger_.rows) {
    const auto route = edge_.live().routes().find(id);
    if (route == edge_.live().routes().end()) continue;
    for (const RouteBackend& backend : route->second.route.backends) {
      Truth& truth = truth_[backend.key];
      if (is_serving(backend))
        truth.sessions = row.load > 0 ? dice_.below(4) : 0;
      else if (truth.sessions > 0 && (!storming_ || dice_.percent(15)))
        --truth.sessions;
      edge_.set_sessions(backend.key, truth.sessions);
    }
  }
}

}  // namespace gantry::storm
