// What goes wrong, as often as the seed says; and the end of it.
#include <fmt/format.h>

#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {

std::optional<Container> Storm::some_container() {
  std::vector<Container> running;
  for (const Container& one : engine_.all())
    if (one.state == ContainerState::running &&
        ledger_.deployment(one.key.deployment_id) != nullptr)
      running.push_back(one);
  if (running.empty()) return std::nullopt;
  return dice_.of(running);
}

// A replica's own trouble.
void Storm::replica_weather() {
  const auto victim = some_container();
  if (!victim) return;
  const ReplicaKey key = victim->key;
  truth_[key].trouble_at = now_;
  switch (dice_.below(5)) {
    case 0:
      tell("out of memory " + key.id());
      engine_.kill_out_of_memory(key);
      break;
    case 1:
      tell("dies " + key.id());
      engine_.exit(key, dice_.below(2));
      break;
    case 2:
      tell("removed by hand " + key.id());
      engine_.destroy(key);
      break;
    default:
      tell("falls sick " + key.id());
      truth_[key].sick = true;
      after(dice_.span(Seconds(1), Seconds(80)), [this, key] {
        if (!truth_[key].sick) return;
        tell("recovers " + key.id());
        truth_[key].sick = false;
        truth_[key].trouble_at = now_;
      });
  }
}

void Storm::engine_weather() {
  if (dice_.percent(50)) {
    const std::string image = "good:" + std::to_string(dice_.between(1, 5));
    tell("image missing " + image);
    engine_.remove_image(image);
    after(dice_.span(Seconds(5), Seconds(60)), [this, image] {
      engine_.add_image(image, {{8080}, {"migrate"}, std::nullopt});
    });
    return;
  }
  if (engine_down_) return;
  const bool deadly = dice_.percent(50);
  tell(fmt::format("engine goes down deadly={}", deadly));
  engine_down_ = true;
  disturbed_at_ = now_;
  engine_.set_down(true);
  const auto kill = [this] {
    for (const Container& one : engine_.all())
      if (one.state == ContainerState::running) {
        truth_[one.key].trouble_at = now_;
        engine_.exit(one.key, 137);
      }
  };
  if (deadly) kill();
  after(dice_.span(Seconds(1), Seconds(60)), [this] {
    if (!engine_down_) return;
    tell("engine is back");
    engine_down_ = false;
    disturbed_at_ = now_;
    engine_.set_down(false);
  });
}

void Storm::edge_weather() {
  switch (dice_.below(3)) {
    case 0:
      tell("edge refuses");
      edge_.fail_next_applies(dice_.between(1, 4));
      break;
    case 1:
      tell("edge loses");
      edge_.fail_next_applies(dice_.between(1, 3), SimEdge::Fault::lost);
      break;
    default:
      tell("proxy dies");
      edge_.crash_proxy();
  }
  disturbed_at_ = now_;
}

void Storm::weather() {
  if (!storming_) return;
  if (severity_ == 0) return;
  after(dice_.span(Seconds(1), Seconds(200 / severity_)), [this] { weather(); });
  lossy_ = dice_.percent(30);
  const int what = dice_.below(100);
  if (what < 40) {
    replica_weather();
  } else if (what < 55) {
    Daemon& daemon =
        daemons_[static_cast<std::size_t>(dice_.below(static_cast<int>(daemons_.size())))];
    if (daemon.up) daemon.doom = dice_.below(40);
  } else if (what < 65) {
    engine_weather();
  } else if (what < 77) {
    edge_weather();
  } else if (what < 84) {
    const Seconds by(dice_.between(-120, 120));
    tell(fmt::format("clock jumps by {} s", by.count()));
    clock_.move(by);
    jumped_at_ = disturbed_at_ = now_;
  } else if (what < 92 && !ledger_.down) {
    tell("database goes away");
    ledger_.down = true;
    disturbed_at_ = now_;
    after(dice_.span(Seconds(1), Seconds(40)), [this] {
      tell("database is back");
      ledger_.down = false;
      ledger_.back_at = disturbed_at_ = now_;
      for (Daemon& daemon : daemons_)
        if (daemon.up) reload(daemon);  // its listener connects again and reads anew
    });
  } else if (!engine_down_ && daemons_[0].up) {
    ContainerSpec spec;
    spec.instance_id = *InstanceId::parse(fmt::format("ins_7{:025}", ++number_));
    spec.key = {*DeploymentId::parse(fmt::format("dep_7{:025}", number_)), 0, 0};
    spec.image = "mute:1";
    spec.port_mode = PortMode::none;
    spec.network.name = "gantry-test";
    spec.network.subnet = "10.192.0.0/24";
    if (daemons_[0].driver->start(spec)) {
      tell("an orphan " + spec.key.id());
      orphans_[spec.key] = now_;
    }
  }
}

void Storm::clear_up() {
  tell("calm");
  storming_ = lossy_ = false;
  if (engine_down_) engine_.set_down(false);
  if (ledger_.down) ledger_.back_at = now_;
  engine_down_ = ledger_.down = false;
  edge_.fail_next_applies(0);
  for (auto& [key, truth] : truth_)
    if (truth.sick) {
      truth.sick = false;
      truth.trouble_at = now_;
    }
  for (int i = 1; i <= 5; ++i)
    engine_.add_image("good:" + std::to_string(i), {{8080}, {"migrate"}, std::nullopt});
  for (Daemon& daemon : daemons_) {
    daemon.doom = -1;
    if (daemon.up) reload(daemon);
  }
}

}  // namespace gantry::storm
