// Exec on the Docker Engine: a hijacked connection for each program, beside the driver's calls.
#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "proto/percent.hpp"
#include "runtime/docker/codec.hpp"
#include "runtime/docker/codec_exec.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/docker/end_program.hpp"
#include "runtime/docker/execution.hpp"
#include "runtime/docker/networks.hpp"

namespace gantry {
namespace docker {
namespace {

constexpr Duration kResizeTimeout = Seconds(3);
constexpr Duration kStartPoll = std::chrono::milliseconds(3);
constexpr int kStartPolls = 10'000;

// What all programs share; outlives each of them.
struct Engine {
  explicit Engine(const DockerOptions& o)
      : options(o),
        client(make_engine_client(o.socket_path)),
        networks(*client, o.installation_id) {}

  Result<EngineReply> call(Verb verb, std::string target, std::string body = {}) {
    return client->call({.verb = verb,
                         .target = std::move(target),
                         .body = std::move(body),
                         .timeout = options.call_timeout});
  }
  Result<> resize(const std::string& of, const TerminalSize& size) {
    const auto reply = client->call({.verb = Verb::post,
                                     .target = of + "/resize" + resize_query(size),
                                     .body = {},
                                     .timeout = kResizeTimeout});
    if (!reply) return reply.error();
    return reply->ok() ? done() : Result<>(status_error(*reply));
  }
  // 404 for what is not this installation's, too.
  Result<ContainerSeen> inspect(const std::string& container_id) {
    const Error none = not_found("container " + container_id);
    const auto reply = call(Verb::get, "/containers/" + percent_encode(container_id) + "/json");
    if (!reply) return reply.error();
    if (reply->status == 404) return none;
    if (!reply->ok()) return status_error(*reply);
    auto seen = parse_container(reply->body);
    if (seen && seen->installation != options.installation_id.str()) return none;
    return seen;
  }

  const DockerOptions options;
  const std::unique_ptr<EngineClient> client;
  Networks networks;
  std::mutex mutex;
  std::set<SessionId> one_offs;  // of this process, under way
};

// In a container that runs anyway.
class Guest final : public Program {
 public:
  Guest(std::shared_ptr<Engine> engine, ExecSpec spec, SessionId session, std::string exec_id)
      : engine_(std::move(engine)),
        spec_(std::move(spec)),
        session_(std::move(session)),
        exec_id_(std::move(exec_id)) {}

  Result<> resize(const TerminalSize& size) override {
    return engine_->resize("/exec/" + exec_id_, size);
  }

  Result<std::optional<int>> exit_code() override {
    const auto seen = look();
    if (!seen) return seen.error();
    if (!seen->running && seen->exit_code >= 0) return std::optional(seen->exit_code);
    const auto container = engine_->inspect(spec_.container_id);
    if (container && container->running) return std::optional<int>();
    return Error{Code::unavailable, "stream_broken", "its container ended meanwhile"};
  }

  // Whether there is a process, or was; the engine answers before it has one.
  Result<bool> is_started() {
    for (int i = 0; i < kStartPolls; ++i) {
      const auto seen = look();
      if (!seen) return seen.error();
      if (seen->started) return true;
      if (!seen->running && seen->exit_code >= 0) return false;
      std::this_thread::sleep_for(kStartPoll);
    }
    return Error{Code::unavailable, "engine_unavailable", "the engine does not start it"};
  }

  void kill() override {
    ExecSpec end{.container_id = spec_.container_id, .command = end_program(session_)};
    end.user = spec_.user;
    end.input = false;
    const auto made =
        engine_->call(Verb::post, "/containers/" + percent_encode(spec_.container_id) + "/exec",
                      exec_body(end, SessionId::make(system_clock().now())));
    if (!made || !made->ok()) return;
    const auto id = parse_created_id(made->body);
    if (!id) return;
    (void)EngineSocket::open(engine_->options.socket_path, "/exec/" + *id + "/start",
                             exec_start_body(end), engine_->options.call_timeout);
  }

 private:
  Result<ExecSeen> look() {
    const auto reply = engine_->call(Verb::get, "/exec/" + exec_id_ + "/json");
    if (!reply) return reply.error();
    if (reply->status == 404)  // its container is gone, and it with it
      return Error{Code::unavailable, "stream_broken", "its container is gone"};
    if (!reply->ok()) return status_error(*reply);
    return parse_exec(reply->body);
  }

  const std::shared_ptr<Engine> engine_;
  const ExecSpec spec_;
  const SessionId session_;
  const std::string exec_id_;
};

// With a container of its own, which goes with it.
class OneOff final : public Program {
 public:
  OneOff(std::shared_ptr<Engine> engine, SessionId session, std::string container_id)
      : engine_(std::move(engine)),
        session_(std::move(session)),
        container_id_(std::move(container_id)) {}

  ~OneOff() override {
    kill();
    const std::scoped_lock lock(engine_->mutex);
    engine_->one_offs.erase(session_);
  }

  Result<> resize(const TerminalSize& size) override {
    return engine_->resize("/containers/" + container_id_, size);
  }

  Result<std::optional<int>> exit_code() override {
    const auto seen = engine_->inspect(container_id_);
    if (!seen) return seen.error();
    return seen->running ? std::optional<int>() : std::optional(seen->exit_code);
  }

  void kill() override {
    (void)engine_->call(Verb::del, "/containers/" + container_id_ + "?force=1&v=1");
  }

 private:
  const std::shared_ptr<Engine> engine_;
  const SessionId session_;
  const std::string container_id_;
};

class DockerExec final : public Exec {
 public:
  explicit DockerExec(const DockerOptions& options) : engine_(std::make_shared<Engine>(options)) {}

  Result<std::unique_ptr<Execution>> exec(const ExecSpec& spec) override {
    const auto container = engine_->inspect(spec.container_id);
    if (!container) return container.error();
    const Error not_running{Code::conflict, "not_running",
                            "the container " + spec.container_id + " does not run"};
    if (!container->running) return not_running;
    const SessionId session = SessionId::make(system_clock().now());
    const auto made = engine_->call(Verb::post, "/containers/" + container->container_id + "/exec",
                                    exec_body(spec, session));
    if (!made) return made.error();
    if (made->status == 409) return not_running;
    if (!made->ok()) return status_error(*made);
    const auto id = parse_created_id(made->body);
    if (!id) return id.error();
    auto socket = EngineSocket::open(engine_->options.socket_path, "/exec/" + *id + "/start",
                                     exec_start_body(spec), engine_->options.start_timeout);
    if (!socket) return socket.error();
    auto program = std::make_unique<Guest>(engine_, spec, session, *id);
    const auto started = program->is_started();
    if (!started) return started.error();
    if (!*started) return start_failed(**socket);
    if (spec.terminal) (void)program->resize(*spec.terminal);
    if (!spec.input) (*socket)->end_input();
    return execution(std::move(*socket), std::move(program), spec.terminal.has_value());
  }

  Result<std::unique_ptr<Execution>> run(const OneOffSpec& spec) override {
    GANTRY_TRY(engine_->networks.ensure(spec.network));
    {
      const std::scoped_lock lock(engine_->mutex);
      engine_->one_offs.insert(spec.session_id);
    }
    auto id = create(spec);
    if (!id) {
      const std::scoped_lock lock(engine_->mutex);
      engine_->one_offs.erase(spec.session_id);
      return id.error();
    }
    auto program = std::make_unique<OneOff>(engine_, spec.session_id, *id);
    GANTRY_TRY(check_program(*id, spec));
    const std::string target = "/containers/" + *id + "/attach?stream=1&stdout=1&stderr=1" +
                               (spec.input ? "&stdin=1" : "");
    auto socket =
        EngineSocket::open(engine_->options.socket_path, target, "", engine_->options.call_timeout);
    if (!socket) return socket.error();
    GANTRY_TRY(start(*id, spec));
    if (spec.terminal) (void)program->resize(*spec.terminal);
    return execution(std::move(*socket), std::move(program), spec.terminal.has_value());
  }

  Result<int> sweep_one_offs(Duration age) override {
    const auto reply = engine_->call(
        Verb::get, "/containers/json?all=1&" +
                       label_filter(kInstallationLabel, engine_->options.installation_id.str()));
    if (!reply) return reply.error();
    if (!reply->ok()) return status_error(*reply);
    const auto seen = parse_one_offs(reply->body);
    if (!seen) return seen.error();
    int removed = 0;
    for (const OneOffSeen& each : *seen) {
      const auto session = SessionId::parse(each.session);
      if (!session || is_under_way(*session) || each.created_at + age > system_clock().now())
        continue;
      if (engine_->call(Verb::del, "/containers/" + each.container_id + "?force=1&v=1")) ++removed;
    }
    return removed;
  }

 private:
  // The engine wrote why, in the program's place.
  static Error start_failed(EngineSocket& socket) {
    char block[4096];
    std::string text;
    while (text.size() < sizeof block) {
      const auto got = socket.read(block, sizeof block);
      if (!got || *got == 0) break;
      text.append(block, *got);
    }
    const auto begin = text.find("OCI runtime exec failed");
    if (begin != std::string::npos) text.erase(0, begin);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return {Code::invalid, "start_failed", std::move(text)};
  }

  static Result<std::unique_ptr<Execution>> execution(std::unique_ptr<EngineSocket> socket,
                                                      std::unique_ptr<Program> program,
                                                      bool terminal) {
    return std::unique_ptr<Execution>(
        std::make_unique<DockerExecution>(std::move(socket), std::move(program), !terminal));
  }

  bool is_under_way(const SessionId& session) {
    const std::scoped_lock lock(engine_->mutex);
    return engine_->one_offs.contains(session);
  }

  Result<std::string> create(const OneOffSpec& spec) {
    const InstallationId& installation = engine_->options.installation_id;
    const std::string name = one_off_name(installation, spec.session_id);
    auto reply = engine_->client->call({.verb = Verb::post,
                                        .target = "/containers/create?name=" + name,
                                        .body = one_off_body(spec, installation),
                                        .timeout = engine_->options.start_timeout});
    if (!reply) return reply.error();
    const std::string text = parse_message(reply->body);
    if (reply->status == 404 && text.find("etwork") != std::string::npos)
      engine_->networks.forget(spec.network.environment_id);
    else if (reply->status == 404)
      return Error{Code::not_found, "image_not_found",
                   "the image " + spec.image + " is not there: " + text};
    if (reply->status == 400) return Error{Code::invalid, "start_failed", text};
    if (!reply->ok()) return status_error(*reply);
    return parse_created_id(reply->body);
  }

  // The engine's init process starts in any case and only then finds nothing to run.
  Result<> check_program(const std::string& container_id, const OneOffSpec& spec) {
    if (spec.command.empty()) return done();
    const std::string& program = spec.command.front();
    const auto seen = engine_->inspect(container_id);
    if (!seen) return seen.error();
    std::vector<std::string> places{program};
    if (program.find('/') == std::string::npos) {
      places.clear();
      for (const std::string& folder : seen->path) places.push_back(folder + "/" + program);
    } else if (program.front() != '/') {
      return done();  // below its working directory
    }
    for (const std::string& place : places) {
      const auto reply = engine_->call(
          Verb::head, "/containers/" + container_id + "/archive?path=" + percent_encode(place));
      if (!reply) return reply.error();
      if (reply->status != 404) return done();
    }
    return Error{Code::invalid, "start_failed",
                 "there is no " + program + " in the image " + spec.image};
  }

  Result<> start(const std::string& container_id, const OneOffSpec& spec) {
    auto reply = engine_->client->call({.verb = Verb::post,
                                        .target = "/containers/" + container_id + "/start",
                                        .body = {},
                                        .timeout = engine_->options.start_timeout});
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 304) return done();
    const std::string text = parse_message(reply->body);
    if (text.find("network") != std::string::npos && text.find("not found") != std::string::npos)
      engine_->networks.forget(spec.network.environment_id);  // asked for again, it is made anew
    if (reply->status == 400) return Error{Code::invalid, "start_failed", text};
    return status_error(*reply);
  }

  const std::shared_ptr<Engine> engine_;
};

}  // namespace
}  // namespace docker

std::unique_ptr<Exec> make_docker_exec(const DockerOptions& options) {
  return std::make_unique<docker::DockerExec>(options);
}

}  // namespace gantry
