#include "daemon/embedded_postgres.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/process.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kInitTimeoutSeconds = 120;
constexpr int kLaunchesMax = 10;
constexpr std::size_t kSocketPathMax = 107 - sizeof "/.s.PGSQL.5432";
constexpr auto kPause = 50ms;

struct Cluster {
  const EmbeddedPostgresOptions& options;
  std::string root;    // everything of ours, 0700
  std::string data;    // the cluster
  std::string socket;  // the socket's directory
  std::string log;
  std::string binaries;

  std::string conninfo(const std::string& database) const {
    std::string quoted;
    for (const char c : socket)
      quoted += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return "host='" + quoted + "' user=gantry dbname=" + database;
  }
};

Error refused(std::string reason, const std::string& detail) {
  return {Code::unavailable, std::move(reason), detail};
}
Error system_error(const std::string& path) {
  return refused("postgres_directory", path + ": " + std::strerror(errno));
}

// "/usr/lib/postgresql/15/bin" of the highest version.
std::string newest_binaries() {
  std::error_code ignored;
  double best = 0;
  std::string found;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const double version = std::strtod(entry.path().filename().c_str(), nullptr);
    const fs::path bin = entry.path() / "bin";
    if (version > best && fs::exists(bin / "postgres", ignored)) {
      best = version;
      found = bin.string();
    }
  }
  return found;
}

Cluster cluster_of(const EmbeddedPostgresOptions& options) {
  const std::string root = options.data_dir + "/postgres";
  return {options,        root,
          root + "/data", root + "/socket",
          root + "/log",  options.binaries.empty() ? newest_binaries() : options.binaries};
}

Program program(const Cluster& cluster, std::vector<std::string> argv) {
  Program made;
  made.argv = std::move(argv);
  made.argv[0] = cluster.binaries + "/" + made.argv[0];
  made.environment = {{"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}, {"PATH", "/usr/bin:/bin"}};
  made.working_directory = cluster.root;
  if (::geteuid() == 0) {
    made.uid = cluster.options.uid;
    made.gid = cluster.options.gid;
  }
  return made;
}

// Whether others may go through each directory above: PostgreSQL's user is one of them.
Result<> check_parents(const Cluster& cluster) {
  if (::geteuid() != 0) return done();
  for (fs::path path = fs::path(cluster.root).parent_path();; path = path.parent_path()) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return system_error(path.string());
    const bool through = (info.st_uid == cluster.options.uid && (info.st_mode & S_IXUSR) != 0) ||
                         (info.st_gid == cluster.options.gid && (info.st_mode & S_IXGRP) != 0) ||
                         (info.st_mode & S_IXOTH) != 0;
    if (!through)
      return refused("postgres_directory", "the directory " + path.string() +
                                               " cannot be passed by user " +
                                               std::to_string(cluster.options.uid) +
                                               ", who runs PostgreSQL: chmod o+x " + path.string());
    if (path == path.root_path()) return done();
  }
}

Result<> make_directory(const Cluster& cluster, const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error(path);
  if (::chmod(path.c_str(), 0700) != 0) return system_error(path);
  if (::geteuid() == 0 && ::chown(path.c_str(), cluster.options.uid, cluster.options.gid) != 0)
    return system_error(path);
  return done();
}

Result<> write_configuration(const std::string& data) {
  std::ofstream file(data + "/postgresql.conf", std::ios::app);
  file << "\n# Gantry: only through the socket, small and durable.\n"
          "listen_addresses = ''\n"
          "unix_socket_permissions = 0700\n"
          "max_connections = 40\n"
          "shared_buffers = 32MB\n"
          "dynamic_shared_memory_type = posix\n"
          "fsync = on\n"
          "synchronous_commit = on\n"
          "wal_level = replica\n"
          "max_wal_senders = 2\n"
          "max_wal_size = 256MB\n"
          "min_wal_size = 64MB\n"
          "wal_compression = on\n"
          "jit = off\n"
          "max_parallel_workers_per_gather = 0\n"
          "autovacuum_naptime = 30s\n"
          "timezone = 'UTC'\n"
          "log_timezone = 'UTC'\n"
          "log_line_prefix = '%m [%p] '\n"
          "log_parameter_max_length = 0\n"
          "log_parameter_max_length_on_error = 0\n";
  file.close();
  if (!file) return refused("postgres_directory", data + "/postgresql.conf cannot be written");
  return done();
}

// Into a directory of another name, which gets its own when it is complete.
Result<> initialise(const Cluster& cluster) {
  const std::string draft = cluster.data + ".new";
  std::error_code error;
  fs::remove_all(draft, error);
  const auto made =
      run(program(cluster, {"initdb", "--pgdata=" + draft, "--username=gantry", "--encoding=UTF8",
                            "--locale=C", "--auth=trust", "--data-checksums"}),
          kInitTimeoutSeconds);
  if (!made) return made.error();
  if (made->exit_code != 0) return refused("postgres_initdb", "initdb failed: " + made->output);
  GANTRY_TRY(write_configuration(draft));
  const int directory = ::open(cluster.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool renamed = ::rename(draft.c_str(), cluster.data.c_str()) == 0;
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  if (directory >= 0) ::close(directory);
  if (!renamed || !synced) return system_error(cluster.data);
  return done();
}

pid_t running_pid(const Cluster& cluster) {
  std::ifstream file(cluster.data + "/postmaster.pid");
  pid_t pid = 0;
  std::string directory;
  if (!(file >> pid) || !std::getline(file >> std::ws, directory)) return 0;
  // After a reboot the number may belong to somebody else, even to another PostgreSQL.
  if (directory != cluster.data || !process_alive(pid, "postgres")) return 0;
  std::error_code error;
  const auto where = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
  return error || where == fs::path(cluster.data) ? pid : 0;
}

std::string end_of(const std::string& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.size() > 1000 ? text.substr(text.size() - 1000) : text;
}

// A pid file whose number now belongs to some other program would keep the server from starting.
// One of a dead server is left alone: with it the server notices whether old sessions still use the
// files.
void forget_reused_pid(const Cluster& cluster) {
  const std::string path = cluster.data + "/postmaster.pid";
  std::ifstream file(path);
  pid_t pid = 0;
  if (file >> pid && ::kill(pid, 0) == 0 && !process_alive(pid, "postgres")) ::unlink(path.c_str());
}

Result<pid_t> launch(const Cluster& cluster) {
  forget_reused_pid(cluster);
  Program server = program(cluster, {"postgres", "-D", cluster.data, "-k", cluster.socket});
  server.output_file = cluster.log;
  return spawn_detached(server);
}

bool answers(const Cluster& cluster) {
  const auto ready = run(program(cluster, {"pg_isready", "-q", "-h", cluster.socket, "-U", "gantry",
                                           "-d", "postgres"}),
                         5);
  return ready && ready->exit_code == 0;
}

// Starts it until it stays: sessions of a server that was killed may need a moment to let go of its
// files.
Result<> launch_until_ready(const Cluster& cluster) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::seconds(cluster.options.start_timeout_seconds);
  pid_t pid = running_pid(cluster);
  int launches = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    if (!process_alive(pid, "postgres")) {
      if (++launches > kLaunchesMax) break;
      auto launched = launch(cluster);
      if (!launched) return launched.error();
      pid = *launched;
    }
    if (answers(cluster)) return done();
    std::this_thread::sleep_for(kPause * std::max(launches, 1));
  }
  return refused("postgres_start", "PostgreSQL does not answer; the end of " + cluster.log + ":\n" +
                                       end_of(cluster.log));
}

Result<> ensure_database(const Cluster& cluster) {
  const auto made = run(program(cluster, {"createdb", "-h", cluster.socket, "-U", "gantry",
                                          "--maintenance-db=postgres", "gantry"}),
                        30);
  if (!made) return made.error();
  if (made->exit_code != 0 && made->output.find("already exists") == std::string::npos)
    return refused("postgres_start", "createdb failed: " + made->output);
  return done();
}

}  // namespace

Result<std::string> start_embedded_postgres(const EmbeddedPostgresOptions& options) {
  const Cluster cluster = cluster_of(options);
  if (cluster.binaries.empty())
    return refused("postgres_missing",
                   "there is no PostgreSQL under /usr/lib/postgresql: install it "
                   "(apt-get install postgresql), or configure a database");
  if (cluster.socket.size() > kSocketPathMax)
    return refused("postgres_directory",
                   "the path " + cluster.socket +
                       " is too long for a socket: choose a shorter data directory");
  const bool fresh = running_pid(cluster) == 0;
  if (fresh) {
    GANTRY_TRY(check_parents(cluster));
    GANTRY_TRY(make_directory(cluster, cluster.root));
    GANTRY_TRY(make_directory(cluster, cluster.socket));
    std::error_code error;
    if (!fs::exists(cluster.data + "/PG_VERSION", error)) GANTRY_TRY(initialise(cluster));
  }
  GANTRY_TRY(launch_until_ready(cluster));
  if (fresh) GANTRY_TRY(ensure_database(cluster));
  return cluster.conninfo("gantry");
}

Result<> stop_embedded_postgres(const EmbeddedPostgresOptions& options, int timeout_seconds) {
  const Cluster cluster = cluster_of(options);
  const pid_t pid = running_pid(cluster);
  if (pid == 0) return done();
  ::kill(pid, SIGINT);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds);
  while (process_alive(pid, "postgres")) {
    if (std::chrono::steady_clock::now() > deadline)
      return refused("timeout", "PostgreSQL did not stop in time");
    std::this_thread::sleep_for(kPause);
  }
  return done();
}

pid_t embedded_postgres_pid(const EmbeddedPostgresOptions& options) {
  return running_pid(cluster_of(options));
}

}  // namespace gantry
