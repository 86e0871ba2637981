#include "runtime/metrics/sample.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace gantry {
namespace {

constexpr std::string_view kEnd = ".";  // a line without it was cut off

// Takes the words of a line one after the other.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view word() {
    const auto end = rest_.find(' ');
    const auto taken = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return taken;
  }
  template <class T>
  T number() {
    return read<T>(word());
  }
  template <class T>
  T read(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) good_ = false;
    return value;
  }
  bool good() const { return good_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::int64_t whole(double value) { return std::llround(std::max(value, 0.0)); }

}  // namespace

void MetricsSample::add(const MetricsSample& other) {
  at = at == TimePoint() ? other.at : std::min(at, other.at);
  const double both = seconds + other.seconds;
  if (both > 0) {
    const double share = other.seconds / both;
    cpu_millicores += (other.cpu_millicores - cpu_millicores) * share;
    memory_bytes += (other.memory_bytes - memory_bytes) * share;
  }
  seconds = both;
  replicas = std::max(replicas, other.replicas);
  cpu_peak_millicores = std::max(cpu_peak_millicores, other.cpu_peak_millicores);
  memory_peak_bytes = std::max(memory_peak_bytes, other.memory_peak_bytes);
  received_bytes += other.received_bytes;
  sent_bytes += other.sent_bytes;
  if (other.volume_bytes) volume_bytes = other.volume_bytes;
  for (std::size_t i = 0; i < responses.size(); ++i) responses[i] += other.responses[i];
  latency.add(other.latency);
}

std::string encode_sample(const MetricsSample& sample) {
  std::string line =
      fmt::format("{} {} {} {} {} {} {} {} {} {}",
                  std::chrono::duration_cast<Seconds>(sample.at.time_since_epoch()).count(),
                  whole(sample.seconds * 1000), sample.replicas, whole(sample.cpu_millicores),
                  whole(sample.cpu_peak_millicores), whole(sample.memory_bytes),
                  whole(sample.memory_peak_bytes), sample.received_bytes, sample.sent_bytes,
                  sample.volume_bytes.value_or(-1));
  for (const std::uint64_t count : sample.responses) line += ' ' + std::to_string(count);
  for (std::size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket)
    if (const auto count = sample.latency.in_bucket(bucket); count > 0)
      line += fmt::format(" {}:{}", bucket, count);
  return line + ' ' + std::string(kEnd) + '\n';
}

std::optional<MetricsSample> decode_sample(std::string_view line) {
  Words words(line);
  MetricsSample sample;
  sample.at = TimePoint(Seconds(words.number<std::int64_t>()));
  sample.seconds = static_cast<double>(words.number<std::int64_t>()) / 1000;
  sample.replicas = words.number<int>();
  for (double* value : {&sample.cpu_millicores, &sample.cpu_peak_millicores, &sample.memory_bytes,
                        &sample.memory_peak_bytes})
    *value = static_cast<double>(words.number<std::int64_t>());
  sample.received_bytes = words.number<std::uint64_t>();
  sample.sent_bytes = words.number<std::uint64_t>();
  if (const auto bytes = words.number<std::int64_t>(); bytes >= 0) sample.volume_bytes = bytes;
  for (std::uint64_t& count : sample.responses) count = words.number<std::uint64_t>();
  for (;;) {
    const auto word = words.word();
    if (word == kEnd) break;
    const auto colon = word.find(':');
    if (!words.good() || colon == std::string_view::npos) return std::nullopt;
    const auto bucket = words.read<std::size_t>(word.substr(0, colon));
    const auto count = words.read<std::uint32_t>(word.substr(colon + 1));
    if (!words.good() || bucket >= Histogram::kBuckets) return std::nullopt;
    sample.latency.add_to_bucket(bucket, count);
  }
  if (!words.good() || !words.empty()) return std::nullopt;
  return sample;
}

std::optional<TimePoint> begin_of(std::string_view line) {
  Words words(line);
  const auto seconds = words.number<std::int64_t>();
  if (!words.good()) return std::nullopt;
  return TimePoint(Seconds(seconds));
}

TimePoint slot_of(TimePoint at, Seconds span) {
  const auto seconds = std::chrono::floor<Seconds>(at).time_since_epoch();
  return TimePoint(seconds - seconds % span);
}

}  // namespace gantry
