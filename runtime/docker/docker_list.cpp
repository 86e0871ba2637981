// list() and watch(): what is there, and hints that it changed.
#include <chrono>
#include <condition_variable>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "runtime/docker/docker_driver.hpp"

namespace gantry::docker {
namespace {

using Milliseconds = std::chrono::milliseconds;
constexpr Milliseconds kFirstBackoff(100);
constexpr Milliseconds kLongestBackoff(2000);
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// What the client's thread hands to the watching thread.
struct Inbox {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::string bytes;
  bool ended = false;
};

// Waits for whole lines; empty: the stream ended or the watcher is to stop.
std::vector<std::string> take_lines(Inbox& inbox, const std::stop_token& stop) {
  std::unique_lock lock(inbox.mutex);
  inbox.changed.wait(lock, stop,
                     [&] { return inbox.ended || inbox.bytes.find('\n') != std::string::npos; });
  std::vector<std::string> lines;
  for (std::size_t end; (end = inbox.bytes.find('\n')) != std::string::npos;) {
    lines.push_back(inbox.bytes.substr(0, end));
    inbox.bytes.erase(0, end + 1);
  }
  return lines;
}

EngineEvent engine_event(EngineEvent::Kind kind) {
  EngineEvent event{};
  event.kind = kind;
  return event;
}

void pause(Milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

void DockerDriver::adopt_output(const Container& container) {
  const OutputSource from{container.container_id, container.instance_id, container.key};
  if (container.state == ContainerState::running) output_.adopt_running(from);
  if (container.exit) output_.adopt_exited(from, container.exit->at);
}

Result<std::optional<Container>> DockerDriver::complete(Container listed, const std::string& node) {
  listed.node = node;
  if (listed.state == ContainerState::created) return std::optional(std::move(listed));
  {
    const std::scoped_lock lock(mutex_);
    const auto known = inspected_.find(listed.container_id);
    if (known != inspected_.end() && known->second.state == listed.state &&
        known->second.address == listed.address)
      return std::optional(known->second);
  }
  auto ours = inspect_ours(listed.container_id);
  if (ours && *ours) remember(**ours);
  return ours;
}

Result<std::vector<Container>> DockerDriver::list() {
  auto engine = info();
  if (!engine) return engine.error();
  const std::string& installation = options_.installation_id.str();
  auto reply =
      call(Verb::get, "/containers/json?all=1&" + label_filter(kInstallationLabel, installation));
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  auto listed = parse_list(reply->body);
  if (!listed) return listed.error();
  std::vector<Container> containers;
  std::set<std::string> present;
  for (Container& item : *listed) {
    present.insert(item.container_id);
    auto whole = complete(std::move(item), engine->host_name);
    if (!whole) return whole.error();
    if (!*whole) continue;
    adopt_output(**whole);
    containers.push_back(std::move(**whole));
  }
  return containers;
}

void DockerDriver::report(const EventSeen& event,
                          const std::function<void(const EngineEvent&)>& tell) {
  const auto gone = [&] {
    forget(event.container_id);
    const auto key = ReplicaKey::parse(event.replica_id);
    if (!key) return;
    EngineEvent told = engine_event(EngineEvent::Kind::container_gone);
    told.key = *key;
    told.container_id = event.container_id;
    if (auto instance = InstanceId::parse(event.instance_id)) told.instance_id = *instance;
    tell(told);
  };
  if (event.action == "destroy") return gone();
  auto ours = inspect_ours(event.container_id);
  if (!ours) return;  // the engine is lost: said when the stream ends
  if (!*ours) return gone();
  remember(**ours);
  EngineEvent told = engine_event(EngineEvent::Kind::container_changed);
  told.container = std::move(*ours);
  tell(told);
}

void DockerDriver::watch(const std::function<void(const EngineEvent&)>& tell,
                         std::stop_token stop) {
  std::int64_t newest = 0;
  bool lost = false;
  Milliseconds backoff = kFirstBackoff;
  while (!stop.stop_requested()) {
    auto inbox = std::make_shared<Inbox>();
    StreamSink sink;
    sink.bytes = [inbox](std::string_view bytes) {
      const std::scoped_lock lock(inbox->mutex);
      inbox->bytes += bytes;
      inbox->changed.notify_all();
    };
    sink.end = [inbox] {
      const std::scoped_lock lock(inbox->mutex);
      inbox->ended = true;
      inbox->changed.notify_all();
    };
    std::string target = "/events?" + event_filter(options_.installation_id);
    if (newest > 0)
      target += fmt::format("&since={}.{:09}", (newest + 1) / kNanosPerSecond,
                            (newest + 1) % kNanosPerSecond);
    const EngineRequest request{.target = std::move(target), .timeout = Seconds(1)};
    const auto stream = client_->open(request, std::move(sink));
    if (stream) {
      backoff = kFirstBackoff;
      lost = false;
      tell(engine_event(EngineEvent::Kind::engine_back));
      for (auto lines = take_lines(*inbox, stop); !lines.empty() && !stop.stop_requested();
           lines = take_lines(*inbox, stop))
        for (const std::string& line : lines) {
          const auto event = parse_event(line);
          if (!event) continue;
          newest = std::max(newest, event->nanoseconds);
          report(*event, tell);
        }
    }
    if (stop.stop_requested()) return;
    if (!lost) tell(engine_event(EngineEvent::Kind::engine_lost));
    lost = true;
    pause(backoff, stop);
    backoff = std::min(backoff * 2, kLongestBackoff);
  }
}

}  // namespace gantry::docker
