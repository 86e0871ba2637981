#include "daemon/control_backup.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control_archive.hpp"
#include "daemon/embedded_postgres.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr int kDumpSeconds = 3600;
constexpr std::chrono::hours kHold{24 * 7};
const std::vector<std::string> kParts{"manifest", "key", "installation", "config.yaml",
                                      "database.dump"};

Error failed(std::string reason, std::string detail) {
  return {Code::conflict, std::move(reason), std::move(detail)};
}

// A folder of its own that goes with it. 0700: the key is in it.
class Workplace {
 public:
  static Result<std::unique_ptr<Workplace>> make(const std::string& data_dir) {
    std::string pattern = data_dir + "/.control-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) return file_error("make a folder in", data_dir);
    return std::unique_ptr<Workplace>(new Workplace(pattern));
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  const std::string path;

 private:
  explicit Workplace(std::string made) : path(std::move(made)) {}
};

Result<std::optional<std::string>> passphrase_of(const ControlBackupOptions& options) {
  if (options.passphrase_file.empty()) return std::optional<std::string>();
  auto text = read_whole(options.passphrase_file);
  if (!text) return text.error();
  while (text->ends_with('\n')) text->pop_back();
  if (text->size() < 12)
    return failed("passphrase_short", "a passphrase has at least 12 characters");
  return std::optional<std::string>(*std::move(text));
}

// The database's own programs, of the newest version that is installed.
std::string binaries() {
  std::error_code ignored;
  double best = 0;
  std::string found;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const double version = std::strtod(entry.path().filename().c_str(), nullptr);
    if (version <= best || !fs::exists(entry.path() / "bin/pg_dump", ignored)) continue;
    best = version;
    found = (entry.path() / "bin").string();
  }
  return found;
}

// Everybody on the machine sees a program's arguments: the password goes another way.
struct Access {
  std::string conninfo;
  std::string password;
};
Access access_of(const std::string& url) {
  const std::size_t scheme = url.find("://"), at = url.find('@');
  if (scheme == std::string::npos || at == std::string::npos) return {url, ""};
  const std::size_t colon = url.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return {url, ""};
  std::string password;
  for (std::size_t i = colon + 1; i < at; ++i) {
    if (url[i] == '%' && i + 2 < at) {
      password += static_cast<char>(std::stoi(url.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      password += url[i];
    }
  }
  return {url.substr(0, colon) + url.substr(at), password};
}

Result<> run_tool(const std::string& tool, std::vector<std::string> arguments,
                  const std::string& password) {
  Program program;
  program.argv = {binaries() + "/" + tool};
  program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
  program.environment = {{"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}, {"PATH", "/usr/bin:/bin"}};
  if (!password.empty()) program.environment["PGPASSWORD"] = password;
  const auto finished = run(program, kDumpSeconds);
  if (!finished) return finished.error();
  if (finished->exit_code == 0) return done();
  return failed("database_tool_failed", tool + " ended with exit code " +
                                            std::to_string(finished->exit_code) + ": " +
                                            finished->output.substr(0, 2000));
}

struct Database {
  std::string conninfo;
  std::optional<EmbeddedPostgresOptions> embedded;
  bool ran = true;  // before we came

  ~Database() {
    if (embedded && !ran) (void)stop_embedded_postgres(*embedded, 30);
  }
};

Result<std::unique_ptr<Database>> open_database(const Config& config) {
  auto database = std::make_unique<Database>();
  database->conninfo = config.database.url;
  if (!database->conninfo.empty()) return database;
  EmbeddedPostgresOptions options;
  options.data_dir = config.data_dir;
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam(config.database.user.c_str());
    if (user == nullptr) return not_found("user " + config.database.user + " (database.user)");
    options.uid = user->pw_uid;
    options.gid = user->pw_gid;
  }
  database->ran = embedded_postgres_pid(options) != 0;
  auto conninfo = start_embedded_postgres(options);
  if (!conninfo) return conninfo.error();
  database->embedded = options;
  database->conninfo = *conninfo;
  return database;
}

Result<> gather(const Config& config, const ControlBackupOptions& options,
                const std::string& folder, std::vector<ArchivedFile>& files) {
  const auto database = open_database(config);
  if (!database) return database.error();
  const Access access = access_of((*database)->conninfo);
  const std::string dump = folder + "/database.dump";
  GANTRY_TRY(run_tool("pg_dump",
                      {"--format=custom", "--no-owner", "--no-acl", "--file=" + dump,
                       "--dbname=" + access.conninfo},
                      access.password));
  GANTRY_TRY(run_tool("pg_restore", {"--list", "--file=/dev/null", dump}, ""));
  const std::string manifest = folder + "/manifest";
  GANTRY_TRY(replace_file(
      manifest, "gantry control plane\nmade_at " + format_time(system_clock().now()) + "\n"));
  files = {{"manifest", manifest}, {"key", config.key_file}, {"database.dump", dump}};
  const std::string installation = config.data_dir + "/installation";
  if (fs::exists(installation)) files.push_back({"installation", installation});
  if (!options.config_file.empty()) files.push_back({"config.yaml", options.config_file});
  return done();
}

Result<> need_empty(const Config& config) {
  std::error_code error;
  fs::create_directories(config.data_dir, error);
  if (error) return failed("data_dir_in_use", config.data_dir + ": " + error.message());
  for (const std::string& there : {config.key_file, config.data_dir + "/postgres"})
    if (fs::exists(there))
      return failed("data_dir_in_use",
                    there +
                        " is there already: restore into an empty data directory (move the "
                        "present one away first; nothing in it is touched)");
  return done();
}

Result<> fill_database(const Config& config, const std::string& dump) {
  const auto database = open_database(config);
  if (!database) return database.error();
  // Only of a database that had nothing: what is there already makes it fail as a whole.
  const Access access = access_of((*database)->conninfo);
  return run_tool("pg_restore",
                  {"--exit-on-error", "--single-transaction", "--no-owner", "--no-acl",
                   "--dbname=" + access.conninfo, dump},
                  access.password);
}

// Kept while it lives: no gantryd starts here meanwhile.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& data_dir)
      : fd_(::open((data_dir + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)),
        held_(fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0) {}
  ~DirectoryLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  bool held() const { return held_; }

 private:
  const int fd_;
  const bool held_;
};

Result<> put_key(const std::string& from, const std::string& to) {
  if (::chmod(from.c_str(), 0600) != 0 || ::link(from.c_str(), to.c_str()) != 0) {
    if (errno != EXDEV) return file_error("make", to);
    std::error_code error;
    fs::copy_file(from, to, error);
    if (error || ::chmod(to.c_str(), 0600) != 0) return file_error("make", to);
  }
  return done();
}

}  // namespace

Result<> back_up_control_plane(const Config& config, const std::string& file,
                               const ControlBackupOptions& options) {
  if (fs::exists(file)) return failed("file_exists", file + " is there already: name another one");
  const auto passphrase = passphrase_of(options);
  if (!passphrase) return passphrase.error();
  const auto place = Workplace::make(config.data_dir);
  if (!place) return place.error();
  std::vector<ArchivedFile> files;
  GANTRY_TRY(gather(config, options, (*place)->path, files));
  const std::string partial = file + ".part";
  ::unlink(partial.c_str());
  auto written = write_control_archive(partial, files, *passphrase);
  const std::string again = (*place)->path + "/again";
  if (written) written = make_directory(again, 0700);
  if (written) written = read_control_archive(partial, again, kParts, *passphrase);
  if (written)
    written = run_tool("pg_restore", {"--list", "--file=/dev/null", again + "/database.dump"}, "");
  if (written) written = rename_over(partial, fs::absolute(file).string());
  if (!written) ::unlink(partial.c_str());
  return written;
}

Result<> restore_control_plane(const Config& config, const std::string& file,
                               const ControlBackupOptions& options) {
  const auto passphrase = passphrase_of(options);
  if (!passphrase) return passphrase.error();
  GANTRY_TRY(need_empty(config));
  const DirectoryLock lock(config.data_dir);
  if (!lock.held())
    return failed("data_dir_in_use", "a gantryd runs on " + config.data_dir + ": stop it first");
  const auto place = Workplace::make(config.data_dir);
  if (!place) return place.error();
  const std::string& folder = (*place)->path;
  GANTRY_TRY(read_control_archive(file, folder, kParts, *passphrase));
  for (const char* part : {"key", "database.dump", "manifest"})
    if (!fs::exists(folder + "/" + part))
      return failed("not_a_backup", file + " has no part \"" + part + "\"");
  // The mark first: whatever follows, a daemon that starts here removes nothing.
  GANTRY_TRY(replace_file(config.data_dir + kRestoredMark, format_time(system_clock().now())));
  GANTRY_TRY(fill_database(config, folder + "/database.dump"));
  if (fs::exists(folder + "/config.yaml")) {
    const auto text = read_whole(folder + "/config.yaml");
    if (text) GANTRY_TRY(replace_file(config.data_dir + "/restored-config.yaml", *text));
  }
  // Last: without the key a daemon does not start on what is only half there.
  return put_key(folder + "/key", config.key_file);
}

Duration orphan_grace_of(const Config& config, TimePoint now) {
  const Duration usual = Seconds(config.scheduler.orphan_grace_seconds);
  const auto text = read_whole(config.data_dir + kRestoredMark);
  if (!text) return usual;
  const auto at = parse_time(*text);
  // A mark that cannot be read, or is of the future, holds for a week from now.
  const TimePoint from = at && *at <= now ? *at : now;
  return std::max<Duration>(usual, from + kHold - now);
}

Result<> confirm_restore(const Config& config) {
  const std::string path = config.data_dir + kRestoredMark;
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return done();
  return file_error("remove", path);
}

}  // namespace gantry
