#include "runtime/docker/docker_driver.hpp"

#include <algorithm>
#include <cassert>

#include "proto/percent.hpp"

namespace gantry {

std::unique_ptr<Driver> make_docker_driver(const DockerOptions& options) {
  return std::make_unique<docker::DockerDriver>(options);
}

namespace docker {
namespace {

constexpr Duration kBeyondGrace = Seconds(30);
constexpr Duration kPingTimeout = Seconds(5);

}  // namespace

Error status_error(const EngineReply& reply) {
  const std::string text = parse_message(reply.body);
  switch (reply.status) {
    case 400:
      return {Code::invalid, "engine_refused", text};
    case 404:
      return {Code::not_found, "not_found", text};
    case 409:
      return {Code::conflict, "engine_conflict", text};
    case 503:
      return {Code::unavailable, "engine_unavailable", text};
    default:
      return {Code::internal, "engine_error",
              "the container engine answered " + std::to_string(reply.status) + ": " + text};
  }
}

DockerDriver::DockerDriver(const DockerOptions& options)
    : options_(options),
      client_(make_engine_client(options.socket_path)),
      networks_(*client_, options.installation_id),
      output_(*client_, *options.logs),
      run_output_(*client_, options.run_logs == nullptr ? *options.logs : *options.run_logs) {}

Result<EngineReply> DockerDriver::call_within(Duration timeout, Verb verb, std::string target,
                                              std::string body) {
  return client_->call(
      {.verb = verb, .target = std::move(target), .body = std::move(body), .timeout = timeout});
}

Result<EngineReply> DockerDriver::call(Verb verb, std::string target, std::string body) {
  return call_within(options_.call_timeout, verb, std::move(target), std::move(body));
}

Result<> DockerDriver::ping() {
  auto reply = call_within(kPingTimeout, Verb::get, "/_ping");
  if (!reply) return reply.error();
  return reply->ok() ? done() : Result<>(status_error(*reply));
}

Result<> DockerDriver::pull(std::string_view image) {
  const std::string name(image);
  auto present = call(Verb::get, "/images/" + percent_encode(name) + "/json");
  if (!present) return present.error();
  if (present->ok()) return done();
  // Without a tag the engine would pull every tag there is.
  const bool tagged = name.find(':', name.rfind('/') + 1) != std::string::npos ||
                      name.find('@') != std::string::npos;
  const std::string target =
      "/images/create?fromImage=" + percent_encode(name) + (tagged ? "" : "&tag=latest");
  auto reply = call_within(options_.pull_timeout, Verb::post, target);
  if (!reply) return reply.error();
  const std::optional<std::string> error =
      reply->ok() ? pull_error(reply->body) : std::optional(parse_message(reply->body));
  if (!error) return done();
  const auto says = [&error](const char* text) { return error->find(text) != std::string::npos; };
  if (reply->status == 404 || says("not found") || says("manifest unknown") ||
      says("does not exist") || says("denied"))
    return Error{Code::not_found, "image_not_found", "the image " + name + ": " + *error};
  return Error{Code::unavailable, "pull_failed", "the image " + name + ": " + *error};
}

Result<std::optional<Inspected>> DockerDriver::inspect(const std::string& name_or_id) {
  auto reply = call(Verb::get, "/containers/" + name_or_id + "/json");
  if (!reply) return reply.error();
  if (reply->status == 404) return std::optional<Inspected>();
  if (!reply->ok()) return status_error(*reply);
  auto seen = parse_inspect(reply->body);
  if (!seen) return seen.error();
  if (seen->container) {
    auto engine = info();
    if (!engine) return engine.error();
    seen->container->node = engine->host_name;
  }
  return std::optional(std::move(*seen));
}

Result<std::optional<Container>> DockerDriver::inspect_ours(const std::string& name_or_id) {
  auto seen = inspect(name_or_id);
  if (!seen) return seen.error();
  if (!*seen || (*seen)->installation != options_.installation_id.str() || !(*seen)->container)
    return std::optional<Container>();
  return std::move((*seen)->container);
}

Result<EngineInfo> DockerDriver::info() {
  {
    const std::scoped_lock lock(mutex_);
    if (info_) return *info_;
  }
  auto reply = call(Verb::get, "/info");
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  auto parsed = parse_info(reply->body);
  if (!parsed) return parsed.error();
  const std::scoped_lock lock(mutex_);
  info_ = *parsed;
  return *parsed;
}

Result<> DockerDriver::stop(const ReplicaKey& key, Seconds grace,
                            [[maybe_unused]] const DrainProof& proof) {
  assert(proof.key() == key);
  auto ours = inspect_ours(container_name(options_.installation_id, key));
  if (!ours) return ours.error();
  if (!*ours || (*ours)->state != ContainerState::running) return done();
  const std::string target =
      "/containers/" + (*ours)->container_id + "/stop?t=" + std::to_string(grace.count());
  auto reply = call_within(grace + kBeyondGrace, Verb::post, target);
  if (!reply) return reply.error();
  if (reply->ok() || reply->status == 304 || reply->status == 404) return done();
  return status_error(*reply);
}

Result<> DockerDriver::remove(const ReplicaKey& key) {
  auto ours = inspect_ours(container_name(options_.installation_id, key));
  if (!ours) return ours.error();
  if (!*ours) return done();
  if ((*ours)->state == ContainerState::running)
    return Error{Code::conflict, "running", key.id() + " runs; stop it first"};
  const std::string& id = (*ours)->container_id;
  auto reply = call(Verb::del, "/containers/" + id + "?v=1");
  if (!reply) return reply.error();
  // 409: a removal is under way, or it was started meanwhile.
  if (reply->status == 409 && parse_message(reply->body).find("running") != std::string::npos)
    return Error{Code::conflict, "running", key.id() + " runs; stop it first"};
  if (!reply->ok() && reply->status != 404 && reply->status != 409) return status_error(*reply);
  forget(id);
  return done();
}

void DockerDriver::remember(const Container& container) {
  const std::scoped_lock lock(mutex_);
  inspected_[container.container_id] = container;
}

void DockerDriver::forget(const std::string& container_id) {
  output_.forget(container_id);
  const std::scoped_lock lock(mutex_);
  inspected_.erase(container_id);
}

}  // namespace docker
}  // namespace gantry
