#include "runtime/build/written.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/stat.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kPause{1};
constexpr int kRest = 20;  // times as long as measuring took
constexpr std::string_view kLayers = "/overlay2/";

// Of a line of /proc/<pid>/mountinfo (proc(5)): "36 35 98:0 /root /point rw master:1 - type source
// options".
struct MountLine {
  std::string root, point, type, options;
};

MountLine parse(const std::string& line) {
  MountLine mount;
  std::istringstream words(line);
  std::string word, source;
  words >> word >> word >> word >> mount.root >> mount.point;
  while (words >> word && word != "-") continue;
  words >> mount.type >> source >> mount.options;
  return mount;
}

std::string option(const std::string& options, const std::string& name) {
  std::istringstream all(options);
  for (std::string each; std::getline(all, each, ',');)
    if (each.starts_with(name + "=")) return each.substr(name.size() + 1);
  return "";
}

// The folder below the engine's that a path of it ends with; empty: it is none of its layers.
std::string layer_of(const std::string& path, const std::string& engine_root) {
  const auto at = path.find(kLayers);
  if (at == std::string::npos) return "";
  return engine_root + path.substr(at);
}

// Where a step writes through this mount; empty: nowhere that counts.
std::string folder_of(const MountLine& mount, const std::string& engine_root) {
  if (mount.type != "overlay")
    return layer_of(mount.root, engine_root);  // of a cache, a first layer
  if (mount.point != "/") return "";
  const std::string upper = option(mount.options, "upperdir");
  // With many layers the engine names them by paths that begin in its folder.
  return upper.starts_with("/") ? layer_of(upper, engine_root)
                                : engine_root + std::string(kLayers) + upper;
}

}  // namespace

std::int64_t bytes_on_disk(const std::string& folder) {
  std::int64_t bytes = 0;
  std::set<std::pair<dev_t, ino_t>> linked;
  std::error_code failed;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, options, failed), end; !failed && it != end;
       it.increment(failed)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) != 0) continue;
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 &&
        !linked.emplace(info.st_dev, info.st_ino).second)
      continue;
    bytes += static_cast<std::int64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

BuildWritten::BuildWritten(WrittenPlaces places)
    : places_(std::move(places)), strangers_(running()) {}

std::int64_t BuildWritten::bytes() {
  if (places_.engine_root.empty()) return 0;
  look_for_steps();
  const TimePoint began = system_clock().now();
  if (began >= next_ || began < measured_at_) {  // the clock may be set back
    measure();
    measured_at_ = began;
    next_ = began + std::max<Duration>(kPause, (system_clock().now() - began) * kRest);
  }
  std::int64_t sum = 0;
  for (const auto& [name, step] : steps_) sum += step.bytes;
  return sum;
}

std::set<std::string> BuildWritten::running() const {
  std::set<std::string> found;
  std::error_code failed;
  for (fs::directory_iterator it(places_.cgroup, failed), end; !failed && it != end;
       it.increment(failed)) {
    std::error_code gone;
    if (it->is_directory(gone)) found.insert(it->path().filename().string());
  }
  return found;
}

void BuildWritten::look_for_steps() {
  const auto now = running();
  for (auto& [name, step] : steps_) step.ended = step.ended || !now.contains(name);
  for (const std::string& name : now) {
    if (strangers_.contains(name)) continue;
    if (Step& step = steps_[name]; step.before.empty()) find_folders(name, step);
  }
}

void BuildWritten::find_folders(const std::string& name, Step& step) const {
  std::ifstream processes(places_.cgroup + "/" + name + "/cgroup.procs");
  std::string process;
  if (!(processes >> process)) return;  // it begins, or has ended
  std::ifstream mounts(places_.proc + "/" + process + "/mountinfo");
  std::map<std::string, std::int64_t> found;
  bool rooted = false;  // before that the mounts are those of the machine
  for (std::string line; std::getline(mounts, line);) {
    const MountLine mount = parse(line);
    const std::string folder = folder_of(mount, places_.engine_root);
    if (folder.empty()) continue;
    rooted = rooted || mount.point == "/";
    found[folder] = mount.point == "/" ? 0 : bytes_on_disk(folder);
  }
  if (rooted) step.before = std::move(found);
}

void BuildWritten::measure() {
  for (auto& [name, step] : steps_) {
    if (step.settled) continue;
    std::int64_t bytes = 0;
    for (const auto& [folder, before] : step.before)
      bytes += std::max<std::int64_t>(bytes_on_disk(folder) - before, 0);
    step.bytes = std::max(step.bytes, bytes);  // its folder may be gone already
    step.settled = step.ended;
  }
}

}  // namespace gantry
