#include "runtime/metrics/container_meter.hpp"

#include <array>
#include <charconv>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace gantry {
namespace {

// Where an engine puts the cgroup of a container, by its driver (cgroupfs, systemd) and the
// kernel's version of cgroups.
struct Layout {
  bool unified;
  const char* before;
  const char* after;
};
constexpr Layout kLayouts[] = {{true, "/docker/", ""},
                               {true, "/system.slice/docker-", ".scope"},
                               {false, "/docker/", ""},
                               {false, "/system.slice/docker-", ".scope"}};

std::string read_small(const std::string& path) {
  std::array<char, 16384> bytes;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const auto n = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  return {bytes.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

std::uint64_t number(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  std::uint64_t value = 0;
  if (begin != std::string_view::npos)
    std::from_chars(text.data() + begin, text.data() + text.size(), value);
  return value;
}

// Of "key N" among lines.
std::uint64_t number_of(std::string_view lines, std::string_view key) {
  for (auto at = lines.find(key); at != std::string_view::npos; at = lines.find(key, at + 1))
    if ((at == 0 || lines[at - 1] == '\n') && lines.substr(at + key.size(), 1) == " ")
      return number(lines.substr(at + key.size() + 1));
  return 0;
}

// "  eth0: <received bytes> <7 others> <sent bytes> ..." of each interface, after two lines of
// headings (proc(5)).
void add_network(std::string_view text, ContainerCounters& to) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || line.substr(0, colon).ends_with(" lo")) continue;
    line.remove_prefix(colon + 1);
    to.received_bytes += number(line);
    for (int word = 0; word < 8 && !line.empty(); ++word) {
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      line.remove_prefix(std::min(line.find(' '), line.size()));
    }
    to.sent_bytes += number(line);
  }
}

}  // namespace

std::optional<ContainerCounters> CgroupMeter::read(const std::string& container_id) {
  for (std::size_t turn = 0; turn < std::size(kLayouts); ++turn) {
    const std::size_t at = (layout_ + turn) % std::size(kLayouts);
    const Layout& layout = kLayouts[at];
    const auto file = [&](const char* controller, const char* name) {
      return read_small(cgroups_ + (layout.unified ? "" : controller) + layout.before +
                        container_id + layout.after + name);
    };
    const std::string used =
        file("/memory", layout.unified ? "/memory.current" : "/memory.usage_in_bytes");
    if (used.empty()) continue;
    layout_ = at;
    const std::string processes = file("/memory", "/cgroup.procs");
    if (processes.empty()) return std::nullopt;  // it has ended
    ContainerCounters seen;
    seen.cpu_nanoseconds =
        static_cast<double>(layout.unified ? number_of(file("", "/cpu.stat"), "usage_usec") * 1000
                                           : number(file("/cpuacct", "/cpuacct.usage")));
    const auto cache = number_of(file("/memory", "/memory.stat"),
                                 layout.unified ? "inactive_file" : "total_inactive_file");
    const auto bytes = number(used);
    seen.memory_bytes = static_cast<double>(bytes > cache ? bytes - cache : 0);
    add_network(read_small(proc_ + "/" + processes.substr(0, processes.find('\n')) + "/net/dev"),
                seen);
    return seen;
  }
  return std::nullopt;
}

}  // namespace gantry
