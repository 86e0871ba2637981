#include "runtime/sim/engine.hpp"

namespace gantry {

void SimEngine::add_image(const std::string& name, SimImage image) {
  const std::scoped_lock lock(mutex_);
  images_[name] = std::move(image);
}

void SimEngine::remove_image(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  images_.erase(name);
}

void SimEngine::add_remote_image(const std::string& name, SimImage image) {
  const std::scoped_lock lock(mutex_);
  remote_images_[name] = std::move(image);
}

void SimEngine::inject(const SimFaults& faults) {
  const std::scoped_lock lock(mutex_);
  faults_ = faults;
}

void SimEngine::set_down(bool down) {
  const std::scoped_lock lock(mutex_);
  if (down == down_) return;
  down_ = down;
  EngineEvent event{};
  event.kind = down ? EngineEvent::Kind::engine_lost : EngineEvent::Kind::engine_back;
  tell({}, event);
}

void SimEngine::tell(const InstallationId& installation, EngineEvent event) {
  events_.push_back({installation, std::move(event)});
  changed_.notify_all();
}

void SimEngine::tell_changed(const Entry& entry) {
  EngineEvent event{};
  event.kind = EngineEvent::Kind::container_changed;
  event.container = entry.container;
  tell(entry.installation_id, event);
}

SimEngine::Entry* SimEngine::entry(const ReplicaKey& key) {
  for (auto& [id, entry] : containers_)
    if (entry.container.key == key) return &entry;
  return nullptr;
}

void SimEngine::end(Entry& entry, ContainerExit exit) {
  if (entry.container.state != ContainerState::running) return;
  entry.container.state = ContainerState::exited;
  entry.container.address.reset();
  exit.at = clock_.now();
  entry.container.exit = exit;
  tell_changed(entry);
}

void SimEngine::exit(const ReplicaKey& key, int code) {
  const std::scoped_lock lock(mutex_);
  if (Entry* found = entry(key)) end(*found, {.code = code});
}

void SimEngine::kill_out_of_memory(const ReplicaKey& key) {
  const std::scoped_lock lock(mutex_);
  if (Entry* found = entry(key)) end(*found, {.code = 137, .out_of_memory = true});
}

void SimEngine::destroy(const ReplicaKey& key) {
  const std::scoped_lock lock(mutex_);
  Entry* found = entry(key);
  if (found == nullptr) return;
  EngineEvent event{};
  event.kind = EngineEvent::Kind::container_gone;
  event.key = key;
  event.instance_id = found->container.instance_id;
  const InstallationId installation = found->installation_id;
  event.container_id = found->container.container_id;
  containers_.erase(event.container_id);
  tell(installation, event);
}

void SimEngine::add_foreign(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  foreign_.insert(name);
}

bool SimEngine::has_foreign(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  return foreign_.contains(name);
}

std::optional<Container> SimEngine::find(const ReplicaKey& key) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, entry] : containers_)
    if (entry.container.key == key) return entry.container;
  return std::nullopt;
}

std::vector<Container> SimEngine::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Container> containers;
  for (const auto& [id, entry] : containers_) containers.push_back(entry.container);
  return containers;
}

int SimEngine::runs_begun(const DeploymentId& id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = begun_.find(id);
  return found == begun_.end() ? 0 : found->second;
}

std::size_t SimEngine::runs_left() const {
  const std::scoped_lock lock(mutex_);
  return runs_.size();
}

SimCalls SimEngine::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

}  // namespace gantry
