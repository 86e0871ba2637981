// Logs on disk: <directory>/<instance id>/<replica id>.log and, the older half, <replica
// id>.old.log, one line each
// "<RFC 3339 time> <o|e> <text>\n" with '\n' and '\\' escaped, so that any bytes survive. Any
// thread.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/log_folder.hpp"
#include "runtime/log_lines.hpp"
#include "runtime/logs.hpp"

namespace gantry {
namespace {

constexpr std::size_t kRingLines = 1000;
constexpr std::size_t kRingBytes = 1024 * 1024;
constexpr std::size_t kLongestText = 64 * 1024;
constexpr std::size_t kOpenFiles =
    64;  // per instance; more are closed and opened again when written to
constexpr std::uint64_t kFirstSequence = 1ULL
                                         << 32;  // older lines, from files, count down from here

struct ReplicaFile {
  int descriptor = -1;
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;
  std::string trouble;  // why lines were lost
  std::optional<TimePoint> newest;
};

struct Kept {
  LogLine line;
  bool on_disk = false;
};

struct Follower {
  std::recursive_mutex mutex;  // a sink may drop its own handle
  std::function<void(const LogLine&)> sink;
  bool ended = false;
};

struct Instance {
  std::mutex mutex;
  std::string folder;
  std::map<ReplicaKey, ReplicaFile> files;
  std::deque<Kept> ring;
  std::size_t ring_bytes = 0;
  std::uint64_t next_sequence = kFirstSequence;
  std::vector<std::weak_ptr<Follower>> followers;

  ~Instance() { close_files(); }
  void close_files() {
    for (auto& [key, file] : files)
      if (file.descriptor >= 0) ::close(std::exchange(file.descriptor, -1));
  }
};

std::string path_of(const Instance& instance, const ReplicaKey& key, const char* half) {
  return log_path(instance.folder, key, half);
}

bool matches(const LogQuery& query, const LogLine& line) {
  return (!query.deployment_id || line.key.deployment_id == *query.deployment_id) &&
         (!query.replica_id || line.key.id() == *query.replica_id) &&
         (!query.since || line.at >= *query.since);
}

bool open_file(const Instance& instance, const ReplicaKey& key, ReplicaFile& file) {
  if (file.descriptor >= 0) return true;
  const std::string path = path_of(instance, key, ".log");
  const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
  file.descriptor = ::open(path.c_str(), flags, 0640);
  if (file.descriptor < 0 && errno == ENOENT) {
    std::error_code ignored;  // the open that follows says what is wrong
    std::filesystem::create_directories(instance.folder, ignored);
    file.descriptor = ::open(path.c_str(), flags, 0640);
  }
  if (file.descriptor < 0) return false;
  struct stat status {};
  file.bytes =
      ::fstat(file.descriptor, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  return true;
}

// A whole line or nothing: half a line is taken back.
bool write_line(ReplicaFile& file, const std::string& text) {
  const ssize_t written = ::write(file.descriptor, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) {
    file.bytes += text.size();
    return true;
  }
  if (written >= 0) errno = ENOSPC;
  const int reason = errno;
  if (written > 0 && ::ftruncate(file.descriptor, static_cast<off_t>(file.bytes)) != 0)
    file.bytes += static_cast<std::uint64_t>(written);
  errno = reason;
  return false;
}

class FileLogs final : public Logs {
 public:
  explicit FileLogs(const LogOptions& options) : options_(options) {}

  void append(const InstanceId& id, const ReplicaKey& key, TimePoint at, bool is_error,
              std::string text) override {
    if (id.empty() || key.deployment_id.empty()) return;
    const auto instance = instance_of(id);
    std::unique_lock lock(instance->mutex);
    std::vector<LogLine> told;
    for (std::size_t from = 0; from == 0 || from < text.size(); from += kLongestText)
      add(*instance,
          {.sequence = 0,
           .at = at,
           .key = key,
           .is_error = is_error,
           .text = text.substr(from, kLongestText)},
          told);
    tell(*instance, told);
  }

  std::optional<TimePoint> newest(const InstanceId& id, const ReplicaKey& key) override {
    if (id.empty() || key.deployment_id.empty()) return std::nullopt;
    const auto instance = instance_of(id);
    const std::scoped_lock lock(instance->mutex);
    const auto file = instance->files.find(key);
    if (file != instance->files.end() && file->second.newest) return file->second.newest;
    const std::vector<LogLine> last = lines_on_disk(*instance, key, 1);
    if (last.empty()) return std::nullopt;
    return last.back().at;
  }

  void remove(const InstanceId& id) override {
    if (id.empty()) return;
    const auto instance = instance_of(id);
    const std::scoped_lock lock(instance->mutex);
    instance->close_files();
    instance->files.clear();
    instance->ring.clear();
    instance->ring_bytes = 0;
    std::error_code ignored;
    std::filesystem::remove_all(instance->folder, ignored);
  }

  void remove_replica(const InstanceId& id, const ReplicaKey& key) override {
    if (id.empty() || key.deployment_id.empty()) return;
    const auto instance = instance_of(id);
    const std::scoped_lock lock(instance->mutex);
    if (const auto file = instance->files.find(key); file != instance->files.end()) {
      if (file->second.descriptor >= 0) ::close(file->second.descriptor);
      instance->files.erase(file);
    }
    std::erase_if(instance->ring, [&](const Kept& kept) { return kept.line.key == key; });
    instance->ring_bytes = 0;
    for (const Kept& kept : instance->ring) instance->ring_bytes += kept.line.text.size();
    for (const char* half : {".log", ".old.log"}) ::unlink(path_of(*instance, key, half).c_str());
  }

  Result<std::vector<LogLine>> read(const LogQuery& query) override {
    if (query.instance_id.empty()) return not_found("such instance");
    const std::size_t limit = static_cast<std::size_t>(std::max(query.limit, 0));
    const auto instance = instance_of(query.instance_id);
    const std::scoped_lock lock(instance->mutex);
    std::deque<LogLine> found;
    for (auto kept = instance->ring.rbegin(); kept != instance->ring.rend() && found.size() < limit;
         ++kept)
      if (matches(query, kept->line)) found.push_front(kept->line);
    if (found.size() < limit) add_older(*instance, query, limit - found.size(), found);
    return std::vector<LogLine>(std::make_move_iterator(found.begin()),
                                std::make_move_iterator(found.end()));
  }

  std::shared_ptr<void> follow(const InstanceId& id,
                               std::function<void(const LogLine&)> sink) override {
    auto follower = std::make_shared<Follower>();
    follower->sink = std::move(sink);
    const auto instance = instance_of(id);
    const std::scoped_lock lock(instance->mutex);
    instance->followers.push_back(follower);
    return std::shared_ptr<void>(follower.get(), [follower](void*) {
      const std::scoped_lock ending(follower->mutex);
      follower->ended = true;
    });
  }

 private:
  std::shared_ptr<Instance> instance_of(const InstanceId& id) {
    const std::scoped_lock lock(mutex_);
    auto& instance = instances_[id];
    if (instance == nullptr) {
      instance = std::make_shared<Instance>();
      instance->folder = options_.directory + "/" + id.str();
    }
    return instance;
  }

  // REQUIRES of all below: the instance's mutex is held.
  void add(Instance& instance, LogLine line, std::vector<LogLine>& told) {
    ReplicaFile& file = instance.files[line.key];
    const bool written = write(instance, line, file, told);
    file.newest = std::max(file.newest.value_or(line.at), line.at);
    keep(instance, std::move(line), written, told);
  }

  bool write(Instance& instance, const LogLine& line, ReplicaFile& file,
             std::vector<LogLine>& told) {
    if (file.descriptor < 0) spare_descriptors(instance);
    if (!open_file(instance, line.key, file)) {
      file.trouble = std::strerror(errno);
      ++file.lost;
      return false;
    }
    if (file.bytes == 0 && !file.newest) make_room(instance);
    rotate(instance, line.key, file);
    // The notice goes with the line that follows it, so that a disk with a little room is not
    // filled with notices.
    LogLine notice{.sequence = 0, .at = line.at, .key = line.key, .is_error = true, .text = ""};
    std::string text = encode_log_line(line);
    if (file.lost > 0) {
      notice.text = "gantry: " + std::to_string(file.lost) +
                    " lines before this one are not on disk: " + file.trouble;
      text.insert(0, encode_log_line(notice));
    }
    if (write_line(file, text)) {
      if (std::exchange(file.lost, 0) > 0) keep(instance, std::move(notice), true, told);
      return true;
    }
    file.trouble = std::strerror(errno);
    ++file.lost;
    ::close(std::exchange(file.descriptor, -1));
    return false;
  }

  void rotate(const Instance& instance, const ReplicaKey& key, ReplicaFile& file) {
    if (file.bytes < options_.replica_bytes / 2) return;
    const std::string path = path_of(instance, key, ".log");
    if (::rename(path.c_str(), path_of(instance, key, ".old.log").c_str()) != 0) return;
    const int old = std::exchange(file.descriptor, -1);
    if (open_file(instance, key, file)) {
      ::close(old);
    } else {
      file.descriptor = old;  // goes on in the half that was just renamed
    }
  }

  // A replica's first line: the files of replicas long gone make room for it.
  void make_room(const Instance& instance) const {
    std::set<ReplicaKey> keep;
    for (const auto& [key, file] : instance.files)
      if (file.descriptor >= 0) keep.insert(key);
    trim_logs(instance.folder, options_.instance_bytes, keep);
  }

  static void spare_descriptors(Instance& instance) {
    const auto open = std::count_if(instance.files.begin(), instance.files.end(),
                                    [](const auto& entry) { return entry.second.descriptor >= 0; });
    if (open >= static_cast<std::ptrdiff_t>(kOpenFiles)) instance.close_files();
  }

  static void keep(Instance& instance, LogLine line, bool on_disk, std::vector<LogLine>& told) {
    line.sequence = instance.next_sequence++;
    told.push_back(line);
    instance.ring_bytes += line.text.size();
    instance.ring.push_back({std::move(line), on_disk});
    while (instance.ring.size() > kRingLines || instance.ring_bytes > kRingBytes) {
      instance.ring_bytes -= instance.ring.front().line.text.size();
      instance.ring.pop_front();
    }
  }

  static void tell(Instance& instance, const std::vector<LogLine>& lines) {
    std::erase_if(instance.followers, [&](const std::weak_ptr<Follower>& weak) {
      const auto follower = weak.lock();
      if (follower == nullptr) return true;
      const std::scoped_lock lock(follower->mutex);
      for (const LogLine& line : lines)
        if (!follower->ended) follower->sink(line);
      return follower->ended;
    });
  }

  static std::vector<LogLine> lines_on_disk(const Instance& instance, const ReplicaKey& key,
                                            std::size_t newest) {
    std::vector<LogLine> lines = read_log_tail(path_of(instance, key, ".log"), key, newest);
    if (lines.size() >= newest) return lines;
    std::vector<LogLine> older =
        read_log_tail(path_of(instance, key, ".old.log"), key, newest - lines.size());
    older.insert(older.end(), std::make_move_iterator(lines.begin()),
                 std::make_move_iterator(lines.end()));
    return older;
  }

  // What was written before the ring's first line. The ring's own lines are the newest in the
  // files.
  static void add_older(const Instance& instance, const LogQuery& query, std::size_t limit,
                        std::deque<LogLine>& found) {
    std::map<ReplicaKey, std::size_t> in_ring;
    for (const Kept& kept : instance.ring)
      if (kept.on_disk) ++in_ring[kept.line.key];
    std::vector<LogLine> older;
    for (const ReplicaKey& key : replicas_on_disk(instance.folder)) {
      if (query.deployment_id && key.deployment_id != *query.deployment_id) continue;
      if (query.replica_id && key.id() != *query.replica_id) continue;
      const std::size_t known = in_ring[key];
      std::vector<LogLine> lines = lines_on_disk(instance, key, limit + known);
      lines.resize(lines.size() - std::min(known, lines.size()));
      for (LogLine& line : lines)
        if (matches(query, line)) older.push_back(std::move(line));
    }
    std::stable_sort(older.begin(), older.end(),
                     [](const LogLine& a, const LogLine& b) { return a.at < b.at; });
    const std::uint64_t first =
        instance.ring.empty() ? instance.next_sequence : instance.ring.front().line.sequence;
    std::uint64_t sequence = first;
    for (auto line = older.rbegin(); line != older.rend() && limit > 0; ++line, --limit) {
      line->sequence = --sequence;
      found.push_front(std::move(*line));
    }
  }

  const LogOptions options_;
  std::mutex mutex_;
  std::map<InstanceId, std::shared_ptr<Instance>> instances_;
};

}  // namespace

std::unique_ptr<Logs> make_file_logs(const LogOptions& options) {
  return std::make_unique<FileLogs>(options);
}

}  // namespace gantry
