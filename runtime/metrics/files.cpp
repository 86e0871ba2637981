#include "runtime/metrics/files.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/metrics/sample.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 8192;  // more than the longest line

std::int64_t seconds_of(TimePoint at) {
  return std::chrono::duration_cast<Seconds>(at.time_since_epoch()).count();
}

struct Reading {
  explicit Reading(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (fd >= 0 && ::fstat(fd, &status) == 0) size = status.st_size;
  }
  ~Reading() {
    if (fd >= 0) ::close(fd);
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  std::string piece(off_t from, std::size_t most) const {
    std::string bytes(most, '\0');
    const auto n = ::pread(fd, bytes.data(), most, from);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  int fd;
  off_t size = 0;
};

// From where to read so that no line of `since` or later is missed: its lines ascend.
off_t first_of(const Reading& file, TimePoint since) {
  off_t low = 0, high = file.size;
  while (high - low > static_cast<off_t>(kPiece)) {
    const off_t middle = low + (high - low) / 2;
    const std::string piece = file.piece(middle, kPiece);
    const auto line = piece.find('\n');
    const auto begin = line == std::string::npos
                           ? std::nullopt
                           : begin_of(std::string_view(piece).substr(line + 1));
    if (begin && *begin < since)
      low = middle;
    else
      high = middle;
  }
  return low;
}

void read_file(const std::string& path, TimePoint since, TimePoint until,
               std::vector<MetricsSample>& out) {
  const Reading file(path);
  if (file.fd < 0) return;
  const off_t from = first_of(file, since);
  const std::string bytes = file.piece(from, static_cast<std::size_t>(file.size - from));
  std::string_view rest = bytes;
  if (from > 0) rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const auto sample = decode_sample(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (sample && sample->at >= since && sample->at < until) out.push_back(*sample);
  }
}

Error cannot_write(const std::string& path) {
  return {Code::unavailable, "cannot_write", path + ": " + std::strerror(errno)};
}

}  // namespace

std::string MetricsFiles::folder(const InstanceId& id) const { return directory_ + "/" + id.str(); }

std::string MetricsFiles::path(const MetricsTier& tier, const InstanceId& id, TimePoint at) const {
  return folder(id) + "/" + std::to_string(tier.step.count()) + "-" +
         std::to_string(seconds_of(slot_of(at, tier.file)));
}

Result<> MetricsFiles::append(const MetricsTier& tier, const InstanceId& id,
                              const MetricsSample& sample) {
  const std::string file = path(tier, id, sample.at);
  const auto open = [&] {
    return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  };
  int fd = open();
  if (fd < 0 && errno == ENOENT) {
    std::error_code failed;
    fs::create_directories(folder(id), failed);
    fd = open();
  }
  if (fd < 0) return cannot_write(file);
  const std::string line = encode_sample(sample);
  const auto written = ::write(fd, line.data(), line.size());
  const Error error = cannot_write(file);
  ::close(fd);
  return written == static_cast<ssize_t>(line.size()) ? done() : Result<>(error);
}

std::vector<MetricsSample> MetricsFiles::read(const MetricsTier& tier, const InstanceId& id,
                                              TimePoint since, TimePoint until) const {
  std::vector<MetricsSample> samples;
  for (TimePoint at = slot_of(since, tier.file); at < until; at += tier.file)
    read_file(path(tier, id, at), since, until, samples);
  return samples;
}

std::optional<TimePoint> MetricsFiles::newest(const MetricsTier& tier, const InstanceId& id,
                                              TimePoint since, TimePoint now) const {
  for (TimePoint at = slot_of(now, tier.file); at + tier.file > since; at -= tier.file) {
    const Reading file(path(tier, id, at));
    if (file.fd < 0) continue;
    std::string tail = file.piece(std::max<off_t>(file.size - kPiece, 0), kPiece);
    while (!tail.empty()) {
      tail.pop_back();  // its line feed
      const auto line = tail.rfind('\n');
      const auto begin = line == std::string::npos ? 0 : line + 1;
      if (const auto sample = decode_sample(std::string_view(tail).substr(begin)))
        return sample->at >= since ? std::optional(sample->at) : std::nullopt;
      tail.resize(begin);
    }
  }
  return std::nullopt;
}

void MetricsFiles::sweep(const std::set<InstanceId>& known, TimePoint minutes_before,
                         TimePoint quarters_before) {
  std::error_code failed;
  for (fs::directory_iterator it(directory_, failed), end; !failed && it != end;
       it.increment(failed)) {
    const auto id = InstanceId::parse(it->path().filename().string());
    if (!id) continue;
    std::error_code ignored;
    if (!known.contains(*id)) {
      fs::remove_all(it->path(), ignored);
      continue;
    }
    for (fs::directory_iterator file(it->path(), ignored), last; !ignored && file != last;
         file.increment(ignored)) {
      const std::string name = file->path().filename().string();
      const MetricsTier& tier = name.starts_with("900-") ? kQuarters : kMinutes;
      const auto dash = name.find('-');
      std::int64_t begin = 0;
      const char* stop = name.data() + name.size();
      if (dash == std::string::npos ||
          std::from_chars(name.data() + dash + 1, stop, begin).ptr != stop)
        continue;
      const TimePoint over = TimePoint(Seconds(begin)) + tier.file;
      std::error_code gone;
      if (over < (&tier == &kQuarters ? quarters_before : minutes_before))
        fs::remove(file->path(), gone);
    }
  }
}

}  // namespace gantry
