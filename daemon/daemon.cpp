#include "daemon/daemon.hpp"

#include <array>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http.hpp"
#include "daemon/backups.hpp"
#include "daemon/control_backup.hpp"
#include "daemon/embedded_postgres.hpp"
#include "daemon/git.hpp"
#include "daemon/jobs.hpp"
#include "daemon/log.hpp"
#include "daemon/metrics.hpp"
#include "daemon/notify.hpp"
#include "daemon/options.hpp"
#include "daemon/sessions.hpp"
#include "daemon/templates.hpp"
#include "runtime/build/image_name.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/edge/haproxy.hpp"
#include "runtime/files.hpp"
#include "runtime/logs.hpp"
#include "runtime/metrics/recorder.hpp"
#include "runtime/probe.hpp"
#include "store/open.hpp"
#include "store/open_ledger.hpp"

namespace gantry {
namespace {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<User> find_user(const std::string& name, const std::string& key) {
  if (const passwd* entry = getpwnam(name.c_str()); entry != nullptr)
    return User{entry->pw_uid, entry->pw_gid};
  return Error{Code::invalid,
               "no_such_user",
               fmt::format("{}: there is no user \"{}\" on this machine", key, name),
               {}};
}

// A file that appears whole or not at all.
Result<> write_whole(const std::string& path, const std::string& text, mode_t mode) {
  const std::string temporary = path + ".new";
  const int fd = open(temporary.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);
  const bool ok = fd >= 0 &&
                  write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                  fsync(fd) == 0;
  const int failure = errno;
  if (fd >= 0) close(fd);
  if (ok && rename(temporary.c_str(), path.c_str()) == 0) return done();
  return Error{
      Code::internal, "cannot_write", path + ": " + std::strerror(ok ? errno : failure), {}};
}

// Who holds the lease: whoever runs on this data directory, one at a time by the edge's lock. The
// next one there goes on at once; one on another machine waits for the lease's end.
Result<std::string> lease_holder(const std::string& data_dir) {
  const std::string path = data_dir + "/holder";
  if (auto known = read_whole(path); known && !known->empty()) return known;
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const std::string holder = fmt::format("{}:{}", host.data(), new_ulid(system_clock().now()));
  GANTRY_TRY(replace_file(path, holder));
  return holder;
}

class GantryDaemon final : public Daemon {
 public:
  explicit GantryDaemon(const Config& config) : config_(config) {}
  ~GantryDaemon() override { stop(); }

  Result<> start() override {
    GANTRY_TRY(own_directory());
    GANTRY_TRY(start_database());
    GANTRY_TRY(start_store());
    GANTRY_TRY(start_runtime());
    GANTRY_TRY(start_scheduler());
    GANTRY_TRY(start_api());
    log::info(fmt::format("daemon started listen={}:{} edge={}:{} installation={}",
                          config_.listen.address, server_->port(), config_.edge.listen.address,
                          config_.edge.listen.port, store_->installation().str()));
    notify_systemd("READY=1");
    return done();
  }

  void stop() override {
    if (server_) notify_systemd("STOPPING=1");
    server_.reset();
    sessions_.reset();
    git_.reset();
    backups_.reset();
    jobs_.reset();
    reconciler_.reset();
    metrics_.reset();
    prober_.reset();
    edge_.reset();
    exec_.reset();
    job_engine_.reset();
    driver_.reset();
    builder_.reset();
    images_.reset();
    sources_.reset();
    build_logs_.reset();
    run_logs_.reset();
    logs_.reset();
    audit_.reset();
    people_.reset();
    store_.reset();
    if (postgres_thread_.joinable()) {
      postgres_thread_.request_stop();
      postgres_thread_.join();
    }
    if (postgres_ && !conninfo_.empty()) (void)stop_embedded_postgres(*postgres_, 20);
    postgres_.reset();
    if (lock_ >= 0) close(lock_);
    lock_ = -1;
  }

 private:
  // One daemon a directory: a second one would fight over the same containers.
  Result<> own_directory() {
    std::error_code error;
    std::filesystem::create_directories(config_.data_dir, error);
    if (error)
      return Error{Code::internal,
                   "cannot_write",
                   "data_dir: " + config_.data_dir + ": " + error.message(),
                   {}};
    const std::string path = config_.data_dir + "/lock";
    lock_ = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (lock_ >= 0 && flock(lock_, LOCK_EX | LOCK_NB) == 0) return done();
    return Error{
        Code::conflict,
        "already_running",
        fmt::format("another gantryd uses {} (its lock is held): stop it first, or set data_dir",
                    config_.data_dir),
        {}};
  }

  Result<> start_database() {
    conninfo_ = config_.database.url;
    if (!conninfo_.empty()) return done();
    postgres_.emplace();
    postgres_->data_dir = config_.data_dir;
    if (geteuid() == 0) {
      auto user = find_user(config_.database.user, "database.user");
      if (!user) return user.error();
      postgres_->uid = user->uid;
      postgres_->gid = user->gid;
    }
    auto conninfo = start_embedded_postgres(*postgres_);
    if (!conninfo) return conninfo.error();
    conninfo_ = *conninfo;
    postgres_thread_ =
        std::jthread([this](std::stop_token stop) { keep_database(std::move(stop)); });
    return done();
  }

  // The own cluster is started again when it dies.
  void keep_database(std::stop_token stop) const {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, stop, std::chrono::milliseconds(500),
                             [&] { return stop.stop_requested(); })) {
      if (embedded_postgres_pid(*postgres_) != 0) continue;
      log::warn("database found dead");
      if (auto started = start_embedded_postgres(*postgres_); !started)
        log::error("database did not start detail=\"" + started.error().detail + "\"");
      else
        log::info("database started again");
    }
  }

  Result<> start_store() {
    auto range = parse_network_range(config_.network_range);
    if (!range) return range.error();
    StoreOptions options;
    options.database = conninfo_;
    options.key_file = config_.key_file;
    options.connections = config_.workers + 8;  // the scheduler's records, its reload, its volumes,
                                                // runs that are looked at and begun, the audit
                                                // log's removals, and readiness beside the workers
    options.subnet_count = range->subnets;
    options.on_first_token = [this](const std::string& secret) {
      const std::string path = config_.data_dir + "/admin-token";
      auto written = write_whole(path, secret + "\n", 0600);
      if (written) log::info("admin token written path=" + path);
      return written;
    };
    auto store = open_store(options);
    if (!store) return store.error();
    store_ = std::move(*store);
    people_ = open_people(*store_);
    audit_ = open_audit(*store_, config_.audit.keep_days);
    return write_whole(config_.data_dir + "/installation", store_->installation().str() + "\n",
                       0644);
  }

  Result<> start_runtime() {
    logs_ = make_file_logs({config_.data_dir + "/logs"});
    build_logs_ = make_file_logs({config_.data_dir + "/build-logs"});
    run_logs_ = make_file_logs({config_.data_dir + "/run-logs"});
    DockerOptions docker;
    docker.socket_path = config_.engine_socket;
    docker.installation_id = store_->installation();
    docker.logs = logs_.get();
    docker.run_logs = build_logs_.get();
    docker.job_logs = run_logs_.get();
    driver_ = make_docker_driver(docker);
    usage_ = make_docker_usage(docker);
    volumes_ = make_docker_volumes(docker);
    volume_files_ = make_docker_volume_files(docker);
    exec_ = make_docker_exec(docker);
    job_engine_ = make_docker_jobs(docker);
    start_builder();
    EdgeOptions edge = edge_options(config_);
    if (geteuid() == 0 && !config_.edge.user.empty()) {
      auto user = find_user(config_.edge.user, "edge.user");
      if (!user) return user.error();
      edge.uid = user->uid;
      edge.gid = user->gid;
    }
    edge_ = make_haproxy_edge(edge);
    GANTRY_TRY(edge_->start());
    prober_ = make_command_prober(*exec_, make_prober());
    if (config_.metrics_days > 0)
      metrics_ = std::make_unique<MetricsRecorder>(
          MetricsPorts{*edge_, meter_, system_clock(), [this] { return store_->projects(); }},
          metrics_options(config_));
    return done();
  }

  void start_builder() {
    sources_ = make_sources(source_options(config_));
    images_ = make_buildkit(buildkit_options(config_));
    SourceBuilderOptions options = builder_options(config_, store_->installation());
    options.preview_base = preview_base_of(*store_);
    builder_ = make_source_builder(std::move(options), *build_logs_, *images_);
  }

  Result<> start_scheduler() {
    auto holder = lease_holder(config_.data_dir);
    if (!holder) return holder.error();
    ReconcilerOptions options = scheduler_options(config_, store_->installation());
    options.policy.orphan_grace = orphan_grace_of(config_, system_clock().now());
    if (options.policy.orphan_grace > Seconds(config_.scheduler.orphan_grace_seconds))
      log::warn("restored from a backup: unknown containers are left alone for now");
    options.holder = *std::move(holder);
    const ReconcilerPorts ports{*store_,        *driver_,      *edge_,         *prober_,
                                *logs_,         *builder_,     system_clock(), usage_.get(),
                                volumes_.get(), metrics_.get()};
    reconciler_ = std::make_unique<Reconciler>(ports, std::move(options));
    reconciler_->start();
    if (metrics_) metrics_->start();
    jobs_ = make_jobs(config_, {.store = *store_,
                                .driver = *driver_,
                                .engine = *job_engine_,
                                .logs = *run_logs_,
                                .volumes = volumes_.get()});
    jobs_->keeper->start();
    return done();
  }

  void start_sessions() {
    SessionOptions options;
    options.desired = desired_options(config_, store_->installation());
    options.most = config_.sessions.most;
    options.log = [](const std::string& text) { log::info(text); };
    const SessionPorts ports{*store_, *exec_, *driver_, system_clock(), people_.get()};
    sessions_ = std::make_unique<Sessions>(ports, std::move(options));
  }

  Result<> start_backups() {
    auto made = make_backups(
        config_,
        {.store = *store_, .exec = *exec_, .volumes = volumes_.get(), .templates = templates_});
    if (!made) return made.error();
    backups_ = *std::move(made);
    backups_->runner->start();
    if (backups_->alerts) backups_->alerts->start();
    return done();
  }

  Result<> start_api() {
    start_sessions();
    templates_ = load_templates(config_.templates_dir);
    GANTRY_TRY(start_backups());
    git_ = make_git(config_, *store_, *sources_);
    git_->runner->start();
    context_ = std::make_unique<api::Context>(api::Context{.store = *store_,
                                                           .logs = *logs_,
                                                           .build_logs = *build_logs_,
                                                           .sources = *sources_,
                                                           .clock = system_clock(),
                                                           .options = {},
                                                           .ready = {},
                                                           .metrics = {}});
    context_->image_present = [this](const std::string& image) {
      const auto found = images_->list(image);
      return !found || !found->empty() ||
             !image.starts_with(built_image_prefix(store_->installation()));
    };
    context_->people = people_.get();
    context_->audit = audit_.get();
    context_->volume_files = volume_files_.get();
    context_->instance_metrics = metrics_.get();
    context_->options.volume_grace = Seconds(config_.volumes.grace_seconds);
    context_->templates = templates_;
    context_->git = git_->runner.get();
    context_->backups = backups_->runner.get();
    context_->jobs = jobs_->ledger.get();
    context_->run_logs = run_logs_.get();
    context_->jobs_asked = [this] { jobs_->keeper->wake(); };
    context_->options.base_domain = config_.base_domain;
    context_->options.edge_port = config_.edge.listen.port;
    context_->options.tcp_ports = {config_.edge.first_tcp_port, config_.edge.last_tcp_port};
    context_->port_free = [edge = edge_options(config_)](int port) {
      return !check_port(edge, port);
    };
    context_->port_trouble = [this](const InstanceId& id) -> std::optional<std::string> {
      for (const ClosedPort& each : edge_->closed_ports())
        if (each.instance_id == id) return each.error.detail;
      return std::nullopt;
    };
    context_->report = [](const std::string& id, std::string_view what) {
      log::error(fmt::format("handler threw request_id={} what=\"{}\"", id, what));
    };
    context_->ready = [this] { return store_->ping(); };
    context_->metrics = [this] {
      return metrics_text(reconciler_->counters(), server_->counters(), sessions_->open());
    };
    ServerOptions options = server_options(config_);
    options.sessions = sessions_.get();
    auto server = make_server(options, *context_);
    if (!server) return server.error();
    server_ = std::move(*server);
    server_->start();
    return done();
  }

  const Config config_;
  int lock_ = -1;
  std::string conninfo_;
  std::optional<EmbeddedPostgresOptions> postgres_;
  std::jthread postgres_thread_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<People> people_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Logs> logs_, build_logs_, run_logs_;
  std::unique_ptr<Sources> sources_;
  std::unique_ptr<ImageEngine> images_;
  std::unique_ptr<Builder> builder_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Exec> exec_;
  std::unique_ptr<JobEngine> job_engine_;
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<Prober> prober_;
  std::unique_ptr<UsageMeter> usage_;
  CgroupMeter meter_;
  std::unique_ptr<MetricsRecorder> metrics_;
  std::unique_ptr<Volumes> volumes_;
  std::unique_ptr<VolumeFiles> volume_files_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Sessions> sessions_;
  std::shared_ptr<const Templates> templates_;
  std::optional<DaemonJobs> jobs_;
  std::optional<DaemonBackups> backups_;
  std::optional<DaemonGit> git_;
  std::unique_ptr<api::Context> context_;
  std::unique_ptr<Server> server_;
};

}  // namespace

std::unique_ptr<Daemon> make_daemon(const Config& config) {
  return std::make_unique<GantryDaemon>(config);
}

}  // namespace gantry
