// What every driver promises (runtime/driver.hpp), on the simulation and on a real Docker Engine.
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

class DriverConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sim")
      bench_ = make_sim_bench();
    else
      bench_ = std::make_unique<DockerBench>();
  }
  Driver& driver() { return bench_->driver(); }
  Container started(const ContainerSpec& spec) {
    auto container = driver().start(spec);
    EXPECT_TRUE(container.ok()) << (container ? "" : container.error().detail);
    return container ? *container : Container{};
  }
  std::optional<Container> listed(const ReplicaKey& key) {
    auto all = driver().list();
    EXPECT_TRUE(all.ok());
    for (const Container& container : *all)
      if (container.key == key) return container;
    return std::nullopt;
  }
  std::unique_ptr<DriverBench> bench_;
};

INSTANTIATE_TEST_SUITE_P(Engines, DriverConformance, ::testing::Values("sim", "docker"),
                         [](const auto& engine) { return engine.param; });

TEST_P(DriverConformance, StartsAndReportsWhatRuns) {
  const ContainerSpec spec = bench_->spec();
  const Container container = started(spec);
  EXPECT_EQ(container.key, spec.key);
  EXPECT_EQ(container.instance_id, spec.instance_id);
  EXPECT_EQ(container.environment_id, spec.environment_id);
  EXPECT_EQ(container.state, ContainerState::running);
  EXPECT_EQ(container.port_mode, PortMode::fixed) << "the image's only EXPOSE";
  ASSERT_TRUE(container.address);
  EXPECT_EQ(container.address->port, 8080);
  EXPECT_FALSE(container.node.empty());
  EXPECT_FALSE(container.exit);
  EXPECT_LT(std::chrono::abs(container.started_at - system_clock().now()), Seconds(60));
}

TEST_P(DriverConformance, APortIsFixedWhenSomethingIsToListen) {
  ContainerSpec spec = bench_->spec();
  spec.image = "gantry-test/web:noexpose";
  EXPECT_EQ(started(spec).port_mode, PortMode::automatic);
  spec = bench_->spec();
  spec.image = "gantry-test/web:noexpose";
  spec.listens = true;
  const Container container = started(spec);
  EXPECT_EQ(container.port_mode, PortMode::fixed);
  ASSERT_TRUE(container.address);
  EXPECT_EQ(container.address->port, 8080);
}

TEST_P(DriverConformance, StartingWhatRunsChangesNothing) {
  const ContainerSpec spec = bench_->spec();
  const Container first = started(spec);
  const Container second = started(spec);
  EXPECT_EQ(first.container_id, second.container_id);
  EXPECT_EQ(first.started_at, second.started_at);
  EXPECT_EQ(driver().list()->size(), 1u);
}

TEST_P(DriverConformance, StartsAnExitedContainerAgain) {
  const ContainerSpec spec = bench_->spec();
  const Container first = started(spec);
  ASSERT_TRUE(bench_->stop(spec.key).ok());
  EXPECT_EQ(listed(spec.key)->state, ContainerState::exited);
  const Container second = started(spec);
  EXPECT_EQ(first.container_id, second.container_id);
  EXPECT_EQ(second.state, ContainerState::running);
  EXPECT_FALSE(second.exit);
}

TEST_P(DriverConformance, AnotherSpecOfAStoppedReplicaIsMadeAnew) {
  ContainerSpec spec = bench_->spec();
  const Container first = started(spec);
  ASSERT_TRUE(bench_->stop(spec.key).ok());
  spec.variables["VERSION"] = "two";
  const Container second = started(spec);
  EXPECT_NE(first.container_id, second.container_id);
  EXPECT_EQ(driver().list()->size(), 1u);
}

TEST_P(DriverConformance, StopsAndRemovesMoreThanOnce) {
  const ContainerSpec spec = bench_->spec();
  started(spec);
  auto refused = driver().remove(spec.key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(refused.error().reason, "running");
  EXPECT_TRUE(bench_->stop(spec.key).ok());
  EXPECT_TRUE(bench_->stop(spec.key).ok());
  EXPECT_TRUE(driver().remove(spec.key).ok());
  EXPECT_TRUE(driver().remove(spec.key).ok());
  EXPECT_TRUE(bench_->stop(spec.key).ok());
  EXPECT_TRUE(driver().list()->empty());
}

TEST_P(DriverConformance, AnotherDriverOfTheInstallationAdopts) {
  const ContainerSpec spec = bench_->spec();
  const Container before = started(spec);
  const auto heir = bench_->another(bench_->installation);
  const auto all = heir->list();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 1u);
  const Container& after = all->front();
  EXPECT_EQ(after.container_id, before.container_id);
  EXPECT_EQ(after.key, before.key);
  EXPECT_EQ(after.address, before.address);
  EXPECT_EQ(after.port_mode, before.port_mode);
  EXPECT_EQ(after.started_at, before.started_at);
  EXPECT_EQ(after.node, before.node);
}

TEST_P(DriverConformance, AnotherInstallationIsInvisible) {
  const ContainerSpec spec = bench_->spec();
  const Container mine = started(spec);
  const auto stranger =
      bench_->another(InstallationId::make(system_clock().now() + Seconds(86400)));
  EXPECT_TRUE(stranger->list()->empty());
  EXPECT_TRUE(stranger->networks()->empty());
  EXPECT_TRUE(stranger->stop(spec.key, Seconds(1), ProofForTests::make(spec.key)).ok());
  EXPECT_TRUE(stranger->remove(spec.key).ok());
  EXPECT_TRUE(stranger->remove_network(spec.environment_id).ok() || true);
  EXPECT_EQ(listed(spec.key)->state, ContainerState::running);
  EXPECT_EQ(driver().networks()->size(), 1u);
}

TEST_P(DriverConformance, ANameTakenBySomebodyElseIsNeverTouched) {
  const ContainerSpec spec = bench_->spec();
  const std::string name = bench_->name_of(spec.key);
  bench_->add_foreign(name);
  auto refused = driver().start(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(refused.error().reason, "name_taken_by_other");
  EXPECT_TRUE(bench_->stop(spec.key).ok());
  EXPECT_TRUE(driver().remove(spec.key).ok());
  EXPECT_TRUE(bench_->has_foreign(name));
}

TEST_P(DriverConformance, RefusesWhatCannotStart) {
  const auto reason = [&](const ContainerSpec& spec) {
    auto result = driver().start(spec);
    return result ? std::string("started") : result.error().reason;
  };
  ContainerSpec missing = bench_->spec();
  missing.image = "gantry-test/absent:1";
  EXPECT_EQ(reason(missing), "image_not_found");
  missing.port_mode = PortMode::fixed;
  EXPECT_EQ(reason(missing), "image_not_found");
  ContainerSpec command = bench_->spec();
  command.command = {"/no/such/program"};
  EXPECT_EQ(reason(command), "start_failed");
  ContainerSpec cpu = bench_->spec();
  cpu.cpu_millicores = bench_->cores() * 1000 + 1;
  EXPECT_EQ(reason(cpu), "cpu_out_of_range");
  EXPECT_NE(driver().start(cpu).error().detail.find(std::to_string(bench_->cores() * 1000)),
            std::string::npos)
      << "names the maximum";
  ContainerSpec memory = bench_->spec();
  memory.memory_bytes = 1024 * 1024;
  EXPECT_EQ(reason(memory), "memory_out_of_range");
}

TEST_P(DriverConformance, AFailedStartCanBeRemoved) {
  ContainerSpec spec = bench_->spec();
  spec.command = {"/no/such/program"};
  EXPECT_FALSE(driver().start(spec));
  EXPECT_TRUE(driver().remove(spec.key).ok());
  EXPECT_TRUE(driver().list()->empty());
}

TEST_P(DriverConformance, ReportsHowItEnded) {
  ContainerSpec spec = bench_->spec();
  spec.variables["EXIT_AT_ONCE"] = "7";
  started(spec);
  ASSERT_TRUE(eventually([&] { return listed(spec.key)->exit.has_value(); }));
  const auto ended = listed(spec.key);
  EXPECT_EQ(ended->state, ContainerState::exited);
  EXPECT_EQ(ended->exit->code, 7);
  EXPECT_FALSE(ended->exit->out_of_memory);
  EXPECT_FALSE(ended->address);
  EXPECT_LT(std::chrono::abs(ended->exit->at - system_clock().now()), Seconds(60));
}

TEST_P(DriverConformance, KnowsItsNetworks) {
  const ContainerSpec spec = bench_->spec();
  EXPECT_TRUE(driver().networks()->empty());
  started(spec);
  EXPECT_EQ(*driver().networks(), std::vector{spec.environment_id});
  EXPECT_FALSE(driver().remove_network(spec.environment_id)) << "a container is left";
  ASSERT_TRUE(bench_->stop(spec.key).ok());
  EXPECT_FALSE(driver().remove_network(spec.environment_id)) << "a stopped one is left";
  ASSERT_TRUE(driver().remove(spec.key).ok());
  EXPECT_TRUE(driver().remove_network(spec.environment_id).ok());
  EXPECT_TRUE(driver().remove_network(spec.environment_id).ok());
  EXPECT_TRUE(driver().networks()->empty());
  EXPECT_EQ(started(spec).state, ContainerState::running) << "and made anew";
}

TEST_P(DriverConformance, AnOverlappingNetworkIsRefused) {
  const ContainerSpec spec = bench_->spec();
  started(spec);
  ContainerSpec other = bench_->spec();
  other.environment_id = other.network.environment_id = EnvironmentId::make(system_clock().now());
  other.network.name += "x";
  auto refused = driver().start(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(refused.error().reason, "network_overlap");
}

TEST_P(DriverConformance, ResolvesThePort) {
  ContainerSpec fixed = bench_->spec();
  fixed.port_mode = PortMode::fixed;
  fixed.port = 9000;
  EXPECT_EQ(started(fixed).address->port, 9000);
  EXPECT_EQ(listed(fixed.key)->port_mode, PortMode::fixed);
  ContainerSpec guess = bench_->spec();
  guess.image = "gantry-test/web:noexpose";
  guess.port = 8081;
  EXPECT_EQ(started(guess).address->port, 8081);
  EXPECT_EQ(listed(guess.key)->port_mode, PortMode::automatic);
  ContainerSpec worker = bench_->spec();
  worker.port_mode = PortMode::none;
  EXPECT_FALSE(started(worker).address);
  EXPECT_EQ(listed(worker.key)->port_mode, PortMode::none);
}

TEST_P(DriverConformance, PullsWhatIsPresentAtOnce) {
  EXPECT_TRUE(driver().pull("gantry-test/web:1").ok());
  EXPECT_TRUE(driver().ping().ok());
}

TEST_P(DriverConformance, WatchersHearOfChanges) {
  using Kind = EngineEvent::Kind;
  std::mutex mutex;
  std::vector<EngineEvent> events;
  std::jthread watcher([&](const std::stop_token& stop) {
    driver().watch(
        [&](const EngineEvent& event) {
          const std::scoped_lock lock(mutex);
          events.push_back(event);
        },
        stop);
  });
  const auto heard = [&](const std::function<bool(const EngineEvent&)>& match) {
    return eventually([&] {
      const std::scoped_lock lock(mutex);
      return std::any_of(events.begin(), events.end(), match);
    });
  };
  EXPECT_TRUE(heard([](const auto& e) { return e.kind == Kind::engine_back; })) << "list now";
  const ContainerSpec spec = bench_->spec();
  const Container container = started(spec);
  const auto changed_to = [&](ContainerState state) {
    return heard([&](const auto& e) {
      return e.kind == Kind::container_changed && e.container->key == spec.key &&
             e.container->state == state;
    });
  };
  EXPECT_TRUE(changed_to(ContainerState::running));
  bench_->exit(container, 3);
  EXPECT_TRUE(changed_to(ContainerState::exited));
  EXPECT_TRUE(heard([](const auto& e) {
    return e.container && e.container->exit && e.container->exit->code == 3;
  }));
  bench_->destroy(container);
  EXPECT_TRUE(heard([&](const auto& e) {
    return e.kind == Kind::container_gone && e.key == spec.key &&
           e.container_id == container.container_id;
  }));
  const auto before = std::chrono::steady_clock::now();
  watcher.request_stop();
  watcher.join();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
}

}  // namespace
}  // namespace gantry::testing
