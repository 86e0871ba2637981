#include "daemon/sessions.hpp"

#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "api/authority.hpp"
#include "daemon/tunnel.hpp"

namespace gantry {
namespace {

constexpr int kLookMilliseconds = 1000;  // at tokens and services that are gone
constexpr Duration kPing = Seconds(20);
constexpr Duration kSweep = Seconds(300);
constexpr Duration kAbandoned = Seconds(60);  // an earlier daemon's container, with its age

Error gone() {
  return {Code::forbidden, "role_required", "its token, its role or its service is gone"};
}

// Never its arguments: there may be secrets among them.
std::string what(const api::SessionOrder& order) {
  if (order.is_tunnel()) return fmt::format("a tunnel to port {}", order.address.port);
  return order.command.front().substr(0, 200);
}

}  // namespace

Sessions::Sessions(SessionPorts ports, SessionOptions options)
    : ports_(ports), options_(std::move(options)) {
  (void)!::pipe2(wake_, O_CLOEXEC | O_NONBLOCK);
  watcher_ = std::thread([this] { watch(); });
}

Sessions::~Sessions() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (One& one : all_) one.carrier.cancel("the daemon stopped");
  }
  (void)!::write(wake_[1], "x", 1);
  watcher_.join();
  for (One& one : all_) one.thread.join();
  all_.clear();
  ::close(wake_[0]);
  ::close(wake_[1]);
}

Result<> Sessions::reserve() {
  const std::scoped_lock lock(mutex_);
  if (reserved_ >= options_.most)
    return Error{Code::unavailable, "too_many_sessions",
                 fmt::format("{} sessions are open, and that is the most (sessions.most): close "
                             "one, or try again later",
                             reserved_)};
  ++reserved_;
  return done();
}

void Sessions::give_back() {
  const std::scoped_lock lock(mutex_);
  --reserved_;
}

int Sessions::open() const {
  const std::scoped_lock lock(mutex_);
  return reserved_;
}

void Sessions::begin(int descriptor, std::string early, std::string head, api::SessionOrder order) {
  auto peer = std::make_unique<PeerSocket>(descriptor, std::move(early));
  const std::scoped_lock lock(mutex_);
  if (stopping_) {
    --reserved_;
    return;
  }
  One& one = all_.emplace_back(std::move(peer), std::move(order));
  one.thread = std::thread([this, &one, head = std::move(head)] { run(one, head); });
  (void)!::write(wake_[1], "x", 1);
}

void Sessions::run(One& one, const std::string& head) {
  std::string outcome = "the client left";
  const TimePoint begun = ports_.clock.now();
  if (one.carrier.peer().answer(head)) {
    record(one, "session.opened", what(one.order));
    // Since its ticket was made, somebody may have taken the role from who asked.
    auto far = may_go_on(one.order, begun) ? open_far_end(one.order)
                                           : Result<std::unique_ptr<Execution>>(gone());
    if (far) {
      outcome = one.carrier.carry(std::move(*far));
    } else {
      outcome = far.error().detail;
      one.carrier.refuse(far.error());
    }
    const auto seconds = std::chrono::duration_cast<Seconds>(ports_.clock.now() - begun).count();
    record(one, "session.closed",
           fmt::format("{}: {} after {} s", what(one.order), outcome, seconds));
  }
  const std::scoped_lock lock(mutex_);
  one.over = true;
  --reserved_;
  (void)!::write(wake_[1], "x", 1);
}

Result<std::unique_ptr<Execution>> Sessions::open_far_end(const api::SessionOrder& order) {
  if (order.is_tunnel()) return open_tunnel(order.address);
  if (order.is_one_off()) return run_alone(order);
  return ports_.exec.exec({.container_id = order.container_id,
                           .command = order.command,
                           .input = order.input,
                           .terminal = order.terminal});
}

// The image and the variables of the deployment, in the environment's network, without volumes: two
// writers would destroy the data.
Result<std::unique_ptr<Execution>> Sessions::run_alone(const api::SessionOrder& order) {
  const auto deployment = ports_.store.deployment(order.deployment_id);
  if (!deployment) return deployment.error();
  const ProjectPtr project = ports_.store.project_of(order.instance_id);
  const DesiredPtr desired =
      project ? desired_of(*project, order.instance_id, options_.desired) : nullptr;
  if (!desired) return not_found("instance " + order.instance_id.str());
  const DeploySettings& deploy = deployment->settings.deploy;
  OneOffSpec spec{.session_id = order.session_id,
                  .instance_id = order.instance_id,
                  .environment_id = desired->environment_id,
                  .image = deployment->progress.image,
                  .command = order.command,
                  .variables = deployment->variables,
                  .cpu_millicores = deploy.cpu_millicores,
                  .memory_bytes = deploy.memory_bytes,
                  .pids_limit = deploy.pids_limit,
                  .network = desired->network,
                  .input = order.input,
                  .terminal = order.terminal};
  if (spec.image.empty() && deployment->settings.source.image)
    spec.image = deployment->settings.source.image->str();
  auto begun = ports_.exec.run(spec);
  if (begun || begun.error().reason != "image_not_found") return begun;
  GANTRY_TRY(ports_.driver.pull(spec.image));
  return ports_.exec.run(spec);
}

void Sessions::record(const One& one, const std::string& type, const std::string& message) {
  const auto token = TokenId::parse(one.order.token_id);
  const auto who = token ? ports_.store.token(*token) : std::nullopt;
  options_.log(fmt::format("{} session={} token={} instance={} what=\"{}\"", type,
                           one.order.session_id.str(), one.order.token_id,
                           one.order.instance_id.str(), message));
  const ProjectPtr project = ports_.store.project_of(one.order.instance_id);
  if (!project) return;
  const auto view = project->instances.find(one.order.instance_id);
  if (view == project->instances.end()) return;
  Event event;
  event.type = type;
  event.project_id = project->project.id;
  event.environment_id = view->second->instance.environment_id.str();
  event.service_id = view->second->instance.service_id.str();
  event.instance_id = one.order.instance_id.str();
  event.deployment_id = one.order.deployment_id.str();
  event.replica_id = one.order.replica_id;
  event.message = fmt::format("{} by token {}", message,
                              who ? who->name + " (" + who->id.str() + ")" : one.order.token_id);
  (void)ports_.store.record_event(event);
}

// ---- the watcher's thread ----

bool Sessions::may_go_on(const api::SessionOrder& order, TimePoint now) const {
  const auto id = TokenId::parse(order.token_id);
  const auto token = id ? ports_.store.token(*id) : std::nullopt;
  if (!token || (token->expires_at && *token->expires_at <= now)) return false;
  const ProjectPtr project = ports_.store.project_of(order.instance_id);
  if (!project) return false;
  const auto view = project->instances.find(order.instance_id);
  return view != project->instances.end() &&
         api::may_still_edit(ports_.people, *token, *project,
                             view->second->instance.environment_id);
}

void Sessions::look_after(TimePoint now) {
  const std::scoped_lock lock(mutex_);
  for (One& one : all_)
    if (!one.over && !may_go_on(one.order, now)) one.carrier.cancel(gone().detail);
}

void Sessions::bury() {
  std::list<One> dead;
  {
    const std::scoped_lock lock(mutex_);
    for (auto one = all_.begin(); one != all_.end();) {
      const auto next = std::next(one);
      if (one->over) dead.splice(dead.end(), all_, one);
      one = next;
    }
  }
  for (One& one : dead) one.thread.join();
}

void Sessions::watch() {
  TimePoint looked{}, pinged = ports_.clock.now(), swept{};
  for (;;) {
    bury();
    std::vector<pollfd> watched{{.fd = wake_[0], .events = POLLIN, .revents = 0}};
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      for (One& one : all_)
        if (!one.left)
          watched.push_back(
              {.fd = one.carrier.peer().descriptor(), .events = POLLRDHUP, .revents = 0});
    }
    ::poll(watched.data(), watched.size(), kLookMilliseconds);
    char scrap[64];
    while (::read(wake_[0], scrap, sizeof scrap) > 0) {
    }
    const TimePoint now = ports_.clock.now();
    {
      const std::scoped_lock lock(mutex_);
      for (One& one : all_)
        for (const pollfd& each : watched)
          if (each.fd == one.carrier.peer().descriptor() && each.revents != 0 && !one.over) {
            one.left = true;
            one.carrier.cancel("the client left");
          }
      if (now >= pinged + kPing) {
        for (One& one : all_) one.carrier.peer().ping();
        pinged = now;
      }
    }
    if (now >= looked + std::chrono::milliseconds(kLookMilliseconds)) {
      look_after(now);
      looked = now;
    }
    if (now >= swept + kSweep && ports_.exec.sweep_one_offs(kAbandoned)) swept = now;
  }
}

}  // namespace gantry
