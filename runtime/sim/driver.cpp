#include "runtime/sim/driver.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

#include <fmt/format.h>

namespace gantry {
namespace {

constexpr std::int64_t kSmallestMemory = 6LL * 1024 * 1024;

Error unavailable() {
  return {Code::unavailable, "engine_unavailable", "the simulated engine cannot be reached"};
}

int to_int(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool same_spec(const ContainerSpec& a, const ContainerSpec& b) {
  return a.image == b.image && a.command == b.command && a.variables == b.variables &&
         a.cpu_millicores == b.cpu_millicores && a.memory_bytes == b.memory_bytes &&
         a.pids_limit == b.pids_limit && a.mounts == b.mounts && a.port_mode == b.port_mode &&
         a.port == b.port;
}

}  // namespace

SimDriver::SimDriver(SimEngine& engine, InstallationId installation)
    : engine_(engine), installation_(std::move(installation)) {
  const std::scoped_lock lock(engine_.mutex_);
  seen_ = engine_.events_.size();
}

std::string SimDriver::container_name(const ReplicaKey& key) const {
  return engine_prefix(installation_) + key.id();
}

Result<> SimDriver::reach(int& counter) {
  ++counter;
  if (engine_.down_) return unavailable();
  if (engine_.faults_.unavailable == 0) return done();
  --engine_.faults_.unavailable;
  return unavailable();
}

SimEngine::Entry* SimDriver::ours(const ReplicaKey& key) {
  SimEngine::Entry* entry = engine_.entry(key);
  return entry != nullptr && entry->installation_id == installation_ ? entry : nullptr;
}

Result<> SimDriver::pull(std::string_view image) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.pull));
  const std::string name(image);
  if (engine_.images_.contains(name)) return done();
  const auto remote = engine_.remote_images_.find(name);
  if (remote == engine_.remote_images_.end())
    return Error{Code::not_found, "image_not_found", "the image " + name + " does not exist"};
  engine_.images_[name] = remote->second;
  return done();
}

Result<> SimDriver::check(const ContainerSpec& spec) const {
  if (spec.memory_bytes != 0 && spec.memory_bytes < kSmallestMemory)
    return Error{Code::invalid, "memory_out_of_range", "the minimum is 6 MiB"};
  const int most = engine_.options_.cores * 1000;
  if (spec.cpu_millicores > most)
    return Error{Code::invalid, "cpu_out_of_range", "the maximum is " + std::to_string(most)};
  return done();
}

// Never an empty one in the place of what is gone, and never a second writer.
Result<> SimDriver::check_mounts(const ContainerSpec& spec) const {
  for (const Mount& mount : spec.mounts) {
    const auto volume = engine_.volumes_.find(mount.volume_id);
    if (volume == engine_.volumes_.end() || volume->second.installation_id != installation_)
      return Error{Code::invalid, "volume_missing", mount.volume_id.str() + " is not there"};
    for (const auto& [name, other] : engine_.containers_) {
      const auto& mounted = other.container.volumes;
      if (other.container.state == ContainerState::running && other.container.key != spec.key &&
          std::find(mounted.begin(), mounted.end(), mount.volume_id) != mounted.end())
        return Error{Code::conflict, "volume_in_use", name + " has " + mount.volume_id.str()};
    }
  }
  return done();
}

Result<> SimDriver::ensure_network(const NetworkSpec& network) {
  for (const auto& [name, other] : engine_.networks_) {
    const bool same = name == network.name;
    if (same && other.installation_id == installation_) return done();
    if (same) return Error{Code::conflict, "name_taken_by_other", "network " + name};
    if (other.subnet == network.subnet)
      return Error{Code::exhausted, "network_overlap", network.subnet + " is taken by " + name};
  }
  engine_.networks_[network.name] = {installation_, network.environment_id, network.subnet};
  return done();
}

Result<SimEngine::Entry*> SimDriver::create(const ContainerSpec& spec) {
  if (engine_.foreign_.contains(container_name(spec.key)))
    return Error{Code::conflict, "name_taken_by_other", container_name(spec.key)};
  const auto image = engine_.images_.find(spec.image);
  if (image == engine_.images_.end())
    return Error{Code::not_found, "image_not_found", "the image " + spec.image + " is not there"};
  if (SimEngine::Entry* there = ours(spec.key)) {
    if (there->container.state == ContainerState::running || same_spec(there->spec, spec))
      return there;
    engine_.containers_.erase(there->container.container_id);
  }
  SimEngine::Entry entry{installation_, spec, {}, spec.port};
  Container& container = entry.container;
  container.key = spec.key;
  container.instance_id = spec.instance_id;
  container.environment_id = spec.environment_id;
  container.container_id = fmt::format("sim{:08}", ++engine_.made_);
  container.node = engine_.options_.node;
  container.port_mode = spec.port_mode;
  for (const Mount& mount : spec.mounts) container.volumes.push_back(mount.volume_id);
  std::sort(container.volumes.begin(), container.volumes.end());
  if (spec.port_mode == PortMode::automatic && image->second.exposed.size() == 1) {
    container.port_mode = PortMode::fixed;
    entry.port = image->second.exposed.front();
  }
  if (spec.listens && container.port_mode == PortMode::automatic)
    container.port_mode = PortMode::fixed;
  ++engine_.calls_.created;
  const std::string id = container.container_id;
  return &(engine_.containers_[id] = std::move(entry));
}

void SimDriver::run(SimEngine::Entry& entry) {
  Container& container = entry.container;
  container.state = ContainerState::running;
  container.started_at = engine_.clock_.now();
  container.exit.reset();
  if (container.port_mode != PortMode::none) {
    const int number = to_int(container.container_id.substr(3));
    container.address = Address{
        fmt::format("10.{}.{}.{}", 200 + number / 65025, number / 255 % 255, number % 255 + 1),
        entry.port};
  }
  engine_.tell_changed(entry);
  const auto& image = engine_.images_[entry.spec.image];
  const auto variable = entry.spec.variables.find("EXIT_AT_ONCE");
  if (engine_.faults_.exit_at_once > 0) {
    --engine_.faults_.exit_at_once;
    engine_.end(entry, {.code = engine_.faults_.exit_code});
  } else if (variable != entry.spec.variables.end()) {
    engine_.end(entry, {.code = to_int(variable->second)});
  } else if (image.exits_at_once) {
    engine_.end(entry, {.code = *image.exits_at_once});
  }
}

Result<Container> SimDriver::start(const ContainerSpec& spec) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.start));
  GANTRY_TRY(check(spec));
  GANTRY_TRY(check_mounts(spec));
  GANTRY_TRY(ensure_network(spec.network));
  auto entry = create(spec);
  if (!entry) return entry.error();
  if ((*entry)->container.state != ContainerState::running) {
    const auto& programs = engine_.images_[spec.image].programs;
    if (!spec.command.empty() && !programs.contains(spec.command.front()))
      return Error{Code::invalid, "start_failed", "there is no program " + spec.command.front()};
    run(**entry);
  }
  if (engine_.faults_.lost_replies > 0) {
    --engine_.faults_.lost_replies;
    return unavailable();
  }
  return (*entry)->container;
}

Result<> SimDriver::stop(const ReplicaKey& key, Seconds, [[maybe_unused]] const DrainProof& proof) {
  assert(proof.key() == key);
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.stop));
  if (SimEngine::Entry* entry = ours(key)) engine_.end(*entry, {.code = 0});
  return done();
}

Result<> SimDriver::remove(const ReplicaKey& key) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.remove));
  SimEngine::Entry* entry = ours(key);
  if (entry == nullptr) return done();
  if (entry->container.state == ContainerState::running)
    return Error{Code::conflict, "running", key.id() + " runs; stop it first"};
  EngineEvent event{};
  event.kind = EngineEvent::Kind::container_gone;
  event.key = key;
  event.instance_id = entry->container.instance_id;
  event.container_id = entry->container.container_id;
  engine_.containers_.erase(event.container_id);
  engine_.tell(installation_, event);
  return done();
}

Result<ContainerExit> SimDriver::run_once(const RunSpec& spec, std::stop_token) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.run_once));
  const auto image = engine_.images_.find(spec.image);
  if (image == engine_.images_.end())
    return Error{Code::not_found, "image_not_found", "the image " + spec.image + " is not there"};
  GANTRY_TRY(ensure_network(spec.network));
  const auto [run, fresh] =
      engine_.runs_.try_emplace({installation_, spec.deployment_id}, ContainerExit{});
  if (fresh) {
    ++engine_.begun_[spec.deployment_id];
    const auto& programs = image->second.programs;
    const auto code = spec.variables.find("RUN_EXIT");
    if (!programs.empty() && !programs.contains(spec.command.front())) {
      engine_.runs_.erase(run);
      return Error{Code::invalid, "start_failed", "there is no program " + spec.command.front()};
    }
    run->second.code = code == spec.variables.end() ? 0 : to_int(code->second);
    run->second.at = engine_.clock_.now();
  }
  if (engine_.faults_.lost_replies > 0) {
    --engine_.faults_.lost_replies;
    return unavailable();
  }
  return run->second;
}

Result<> SimDriver::end_run(const DeploymentId& id) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.end_run));
  engine_.runs_.erase({installation_, id});
  return done();
}

Result<std::vector<DeploymentId>> SimDriver::runs() {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.list));
  std::vector<DeploymentId> deployments;
  for (const auto& [key, exit] : engine_.runs_)
    if (key.first == installation_) deployments.push_back(key.second);
  return deployments;
}

Result<std::vector<Container>> SimDriver::list() {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.list));
  std::vector<Container> containers;
  for (const auto& [id, entry] : engine_.containers_)
    if (entry.installation_id == installation_) containers.push_back(entry.container);
  return containers;
}

Result<std::vector<EnvironmentId>> SimDriver::networks() {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.networks));
  std::vector<EnvironmentId> environments;
  for (const auto& [name, network] : engine_.networks_)
    if (network.installation_id == installation_) environments.push_back(network.environment_id);
  std::sort(environments.begin(), environments.end());
  return environments;
}

Result<> SimDriver::remove_network(const EnvironmentId& environment) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach(engine_.calls_.remove_network));
  for (const auto& [id, entry] : engine_.containers_)
    if (entry.container.environment_id == environment && entry.installation_id == installation_)
      return Error{Code::conflict, "network_in_use", "containers are left in it"};
  std::erase_if(engine_.networks_, [&](const auto& item) {
    return item.second.installation_id == installation_ &&
           item.second.environment_id == environment;
  });
  return done();
}

Result<> SimDriver::ping() {
  const std::scoped_lock lock(engine_.mutex_);
  return reach(engine_.calls_.ping);
}

std::vector<EngineEvent> SimDriver::events_since(std::size_t& seen) const {
  std::vector<EngineEvent> events;
  for (; seen < engine_.events_.size(); ++seen) {
    const auto& told = engine_.events_[seen];
    if (told.installation_id.empty() || told.installation_id == installation_)
      events.push_back(told.event);
  }
  return events;
}

std::vector<EngineEvent> SimDriver::take_events() {
  const std::scoped_lock lock(engine_.mutex_);
  return events_since(seen_);
}

void SimDriver::watch(const std::function<void(const EngineEvent&)>& tell, std::stop_token stop) {
  std::unique_lock lock(engine_.mutex_);
  std::size_t seen = engine_.events_.size();
  EngineEvent first{};
  first.kind = engine_.down_ ? EngineEvent::Kind::engine_lost : EngineEvent::Kind::engine_back;
  std::vector<EngineEvent> events{first};
  while (!stop.stop_requested()) {
    lock.unlock();
    for (const EngineEvent& event : events) tell(event);
    lock.lock();
    engine_.changed_.wait(lock, stop, [&] { return seen < engine_.events_.size(); });
    events = events_since(seen);
  }
}

}  // namespace gantry
