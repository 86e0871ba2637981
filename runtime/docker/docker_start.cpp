// start(): create, attach, start, inspect: four calls, and nothing else when all is well.
#include <algorithm>

#include "proto/command.hpp"
#include "proto/name.hpp"
#include "proto/percent.hpp"
#include "runtime/docker/docker_driver.hpp"
#include "runtime/docker/mounts.hpp"

namespace gantry::docker {
namespace {

constexpr std::int64_t kSmallestMemory = 6LL * 1024 * 1024;
constexpr int kCreateAttempts = 3;

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Error image_not_found(const std::string& image, const std::string& text) {
  return {Code::not_found, "image_not_found", "the image " + image + " is not there: " + text};
}

Error cpu_out_of_range(int millicores, int cores) {
  return {Code::invalid, "cpu_out_of_range",
          std::to_string(millicores) + " millicores are more than this node has: the maximum is " +
              std::to_string(cores * 1000)};
}

Error memory_out_of_range(std::int64_t bytes) {
  return {Code::invalid, "memory_out_of_range",
          std::to_string(bytes) + " bytes of memory are too few: the minimum is " +
              std::to_string(kSmallestMemory)};
}

Error start_failed(const std::string& text) { return {Code::invalid, "start_failed", text}; }

}  // namespace

Result<Container> DockerDriver::start(const ContainerSpec& spec) {
  GANTRY_TRY(check_limits(spec));
  GANTRY_TRY(check_mounts(spec));
  GANTRY_TRY(networks_.ensure(spec.network));
  const auto port = port_of(spec);
  if (!port) return port.error();
  auto created = create(spec, *port);
  if (!created) return created.error();
  if (!created->runs) {
    GANTRY_TRY(check_program(created->container_id, spec.image, command_of(spec, *port)));
    GANTRY_TRY(run({created->container_id, spec.instance_id, spec.key}, output_, spec.network));
  }
  auto ours = inspect_ours(created->container_id);
  if (!ours) return ours.error();
  if (!*ours)
    return Error{Code::unavailable, "container_vanished",
                 spec.key.id() + " was removed while it started; try again"};
  remember(**ours);
  if (created->runs) adopt_output(**ours);
  return **ours;
}

Result<> DockerDriver::check_limits(const ContainerSpec& spec) {
  if (spec.memory_bytes != 0 && spec.memory_bytes < kSmallestMemory)
    return memory_out_of_range(spec.memory_bytes);
  auto engine = info();
  if (!engine) return engine.error();
  if (spec.cpu_millicores > engine->cores * 1000)
    return cpu_out_of_range(spec.cpu_millicores, engine->cores);
  const bool text = std::all_of(spec.variables.begin(), spec.variables.end(),
                                [](const auto& entry) { return is_utf8(entry.second); }) &&
                    std::all_of(spec.command.begin(), spec.command.end(),
                                [](const std::string& word) { return is_utf8(word); });
  if (!text) return start_failed("variables and start command must be UTF-8");
  return done();
}

Result<> DockerDriver::check_mounts(const ContainerSpec& spec) {
  return docker::check_mounts(
      [this](std::string target) { return call(Verb::get, std::move(target)); },
      options_.installation_id, spec.mounts, container_name(options_.installation_id, spec.key));
}

Result<Port> DockerDriver::port_of(const ContainerSpec& spec) {
  if (spec.port_mode == PortMode::none) return Port{};
  if (spec.port_mode == PortMode::fixed) return Port{PortMode::fixed, spec.port};
  auto reply = call(Verb::get, "/images/" + percent_encode(spec.image) + "/json");
  if (!reply) return reply.error();
  if (reply->status == 404) return image_not_found(spec.image, parse_message(reply->body));
  if (!reply->ok()) return status_error(*reply);
  auto port = parse_exposed(reply->body, spec.port);
  if (port && spec.listens) port->mode = PortMode::fixed;
  return port;
}

Result<DockerDriver::Created> DockerDriver::create(const ContainerSpec& spec, const Port& port) {
  const std::string name = container_name(options_.installation_id, spec.key);
  const CreateBody body = create_body(spec, options_.installation_id, port);
  for (int attempt = 0; attempt < kCreateAttempts; ++attempt) {
    auto reply = call_within(options_.start_timeout, Verb::post, "/containers/create?name=" + name,
                             body.json);
    if (!reply) return reply.error();
    if (reply->ok()) {
      auto id = parse_created_id(reply->body);
      if (!id) return id.error();
      return Created{std::move(*id)};
    }
    const std::string text = parse_message(reply->body);
    if (reply->status == 404) return image_not_found(spec.image, text);
    if (says(text, "Range of CPUs")) return cpu_out_of_range(spec.cpu_millicores, (*info()).cores);
    if (says(text, "inimum memory limit")) return memory_out_of_range(spec.memory_bytes);
    if (reply->status == 400) return start_failed(text);
    if (reply->status != 409) return status_error(*reply);
    auto taken = take_over(name, body.spec_digest);
    if (!taken) return taken.error();
    if (*taken) return **taken;
  }
  return Error{Code::unavailable, "engine_busy",
               "the name " + name + " is taken and free by turns; try again"};
}

Result<std::optional<DockerDriver::Created>> DockerDriver::take_over(
    const std::string& name, const std::string& spec_digest) {
  auto seen = inspect(name);
  if (!seen) return seen.error();
  if (!*seen) return std::optional<Created>();
  const Inspected& there = **seen;
  if (there.installation != options_.installation_id.str() || !there.container)
    return name_taken(name);
  if (there.container->state == ContainerState::running)
    return std::optional(Created{.container_id = there.container_id, .runs = true});
  if (there.spec_digest == spec_digest)
    return std::optional(Created{.container_id = there.container_id});
  auto removed = call(Verb::del, "/containers/" + there.container_id + "?v=1");
  if (!removed) return removed.error();
  if (!removed->ok() && removed->status != 404 && removed->status != 409)
    return status_error(*removed);
  forget(there.container_id);
  return std::optional<Created>();
}

// The engine's init process starts in any case and only then finds that there is nothing to run, so
// that the engine cannot refuse. A name without a path, or a relative one, is left to it: exit code
// 127 and its line in the log.
Result<> DockerDriver::check_program(const std::string& container_id, const std::string& image,
                                     const std::vector<std::string>& command) {
  if (command.empty() || !command.front().starts_with('/')) return done();
  const std::string target =
      "/containers/" + container_id + "/archive?path=" + percent_encode(command.front());
  auto reply = call(Verb::head, target);
  if (!reply) return reply.error();
  if (reply->status != 404) return done();
  const std::string missing = "there is no " + command.front() + " in the image " + image;
  if (!through_shell(command)) return start_failed(missing);
  return start_failed(missing + ", and the command needs a shell: \"" + command.back() + "\"");
}

Result<> DockerDriver::run(const OutputSource& source, Output& output, const NetworkSpec& network) {
  const std::string target = "/containers/" + source.container_id + "/start";
  for (bool again = false;; again = true) {
    GANTRY_TRY(output.attach(source));
    auto reply = call_within(options_.start_timeout, Verb::post, target);
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 304) return done();
    const std::string text = parse_message(reply->body);
    if (!again && says(text, "network") && says(text, "not found")) {
      networks_.forget(network.environment_id);
      GANTRY_TRY(networks_.ensure(network));
      continue;
    }
    if (reply->status == 400 || says(text, "OCI runtime") || says(text, "executable file"))
      return start_failed(text);
    return status_error(*reply);
  }
}

Error DockerDriver::name_taken(const std::string& name) const {
  return {Code::conflict, "name_taken_by_other",
          "a container named " + name +
              " that belongs to somebody else is on the engine; remove or rename it"};
}

}  // namespace gantry::docker
