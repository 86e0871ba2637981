#include "runtime/docker/output.hpp"

#include <array>
#include <deque>
#include <vector>

#include <fmt/format.h>

#include "runtime/docker/frames.hpp"

namespace gantry::docker {
namespace {

constexpr Duration kOverlap = Seconds(2);  // our times of receipt and the engine's differ by less
constexpr Duration kDuplicatesWindow = Seconds(5);
constexpr Duration kEndSlack = Seconds(1);
constexpr int kKeptForComparison = 20000;

TimePoint now() { return system_clock().now(); }

// "1795371960.123456": what the engine's `since` takes.
std::string engine_time(TimePoint time) {
  const auto micros = time.time_since_epoch().count();
  return fmt::format("{}.{:06}000", micros / 1000000, micros % 1000000);
}

std::size_t slot(bool is_error) { return is_error ? 1 : 0; }

// Texts in the order in which they will be seen again: drops up to and with the first match.
bool take_match(std::deque<std::string>& expected, std::string_view text) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] != text) continue;
    expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    return true;
  }
  return false;
}

// A frame of /logs?timestamps=1: "<time> <text>".
struct Stamped {
  TimePoint at{};
  std::string_view text;
};
Stamped split_stamp(std::string_view frame) {
  const auto space = frame.find(' ');
  if (space == std::string_view::npos) return {now(), frame};
  const auto at = parse_time(frame.substr(0, space));
  if (!at) return {now(), frame};
  return {*at, frame.substr(space + 1)};
}

}  // namespace

// One attached container. Between catching up and the live stream the same lines may come twice:
// `seen_again` holds those that the engine's file gave for the time after the attach.
struct Output::Live {
  FrameReader frames;
  std::array<LineCutter, 2> cutters;
  std::mutex mutex;
  std::array<std::deque<std::string>, 2> seen_again;
  TimePoint compare_until{};
  bool holding = false;  // catching up: live lines wait in `held`
  std::vector<std::pair<bool, std::string>> held;
  std::shared_ptr<void> stream;  // guarded by Table::mutex; holds this again until dropped

  // REQUIRES: `mutex` is held.
  void deliver(Logs& logs, const OutputSource& from, bool is_error, std::string text) {
    auto& expected = seen_again[slot(is_error)];
    const TimePoint at = now();
    if (!expected.empty()) {
      if (at <= compare_until && take_match(expected, text)) return;
      expected.clear();
    }
    logs.append(from.instance_id, from.key, at, is_error, std::move(text));
  }
};

struct Output::Table {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Live>> live;
  std::map<std::string, TimePoint> taken_until;  // what was written before is in Logs
};

Output::Output(EngineClient& client, Logs& logs)
    : client_(client), logs_(logs), table_(std::make_shared<Table>()) {}

Output::~Output() {
  const std::scoped_lock lock(table_->mutex);
  for (auto& [id, live] : table_->live) live->stream.reset();
  table_->live.clear();
}

bool Output::claim(const std::string& container_id, const std::shared_ptr<Live>& live,
                   Present present) {
  const std::scoped_lock lock(table_->mutex);
  auto& entry = table_->live[container_id];
  if (entry != nullptr) {
    if (present == Present::keep) return false;
    entry->stream.reset();
  }
  entry = live;
  return true;
}

Result<> Output::open(const OutputSource& from, const std::shared_ptr<Live>& live) {
  const auto line = [&logs = logs_, from, live = live.get()](bool is_error, std::string text) {
    const std::scoped_lock lock(live->mutex);
    if (live->holding)
      live->held.emplace_back(is_error, std::move(text));
    else
      live->deliver(logs, from, is_error, std::move(text));
  };
  StreamSink sink;
  sink.bytes = [live, line](std::string_view bytes) {
    live->frames.feed(bytes, [&](bool is_error, std::string_view part) {
      live->cutters[slot(is_error)].feed(
          part, [&](std::string text) { line(is_error, std::move(text)); });
    });
  };
  sink.end = [live, line, table = table_, id = from.container_id] {
    for (const bool is_error : {false, true})
      live->cutters[slot(is_error)].finish(
          [&](std::string text) { line(is_error, std::move(text)); });
    const std::scoped_lock lock(table->mutex);
    live->stream.reset();
    const auto found = table->live.find(id);
    if (found == table->live.end() || found->second != live) return;
    table->live.erase(found);
    table->taken_until[id] = now();
  };
  const EngineRequest request{
      .verb = Verb::post,
      .target = "/containers/" + from.container_id + "/attach?stream=1&stdout=1&stderr=1"};
  auto stream = client_.open(request, std::move(sink));
  const std::scoped_lock lock(table_->mutex);
  const auto found = table_->live.find(from.container_id);
  const bool still_wanted = found != table_->live.end() && found->second == live;
  if (!stream) {
    if (still_wanted) table_->live.erase(found);
    return stream.error();
  }
  if (still_wanted) live->stream = std::move(*stream);  // else it has ended already
  return done();
}

Result<> Output::attach(const OutputSource& from) {
  auto live = std::make_shared<Live>();
  claim(from.container_id, live, Present::replace);
  return open(from, live);
}

void Output::adopt_running(const OutputSource& from) {
  auto live = std::make_shared<Live>();
  live->holding = true;
  if (!claim(from.container_id, live, Present::keep)) return;
  const TimePoint attached_at = now();
  if (!open(from, live)) return;  // the next list() tries again
  // The engine's file may be unreadable just now: then the live lines still arrive.
  (void)catch_up(from, live.get(), attached_at).ok();
  const std::scoped_lock lock(live->mutex);
  live->holding = false;
  live->compare_until = now() + kDuplicatesWindow;
  for (auto& [is_error, text] : live->held) live->deliver(logs_, from, is_error, std::move(text));
  live->held.clear();
}

void Output::adopt_exited(const OutputSource& from, TimePoint exited_at) {
  {
    const std::scoped_lock lock(table_->mutex);
    if (table_->live.contains(from.container_id)) return;
    const auto taken = table_->taken_until.find(from.container_id);
    if (taken != table_->taken_until.end() && exited_at <= taken->second + kEndSlack) return;
    table_->taken_until[from.container_id] = std::max(exited_at, now());
  }
  if (catch_up(from, nullptr, TimePoint::max())) return;
  const std::scoped_lock lock(table_->mutex);
  table_->taken_until.erase(from.container_id);
}

// Appends what the engine's file has and Logs has not. The file is read from a little before the
// newest kept line; what is kept from that time on is dropped in the same order.
Result<> Output::catch_up(const OutputSource& from, Live* live, TimePoint attached_at) {
  std::string target = "/containers/" + from.container_id + "/logs?stdout=1&stderr=1&timestamps=1";
  std::array<std::deque<std::string>, 2> kept;
  if (const auto newest = logs_.newest(from.instance_id, from.key)) {
    TimePoint since = *newest - kOverlap;
    LogQuery query;
    query.instance_id = from.instance_id;
    query.replica_id = from.key.id();
    query.since = since - kOverlap;
    query.limit = kKeptForComparison;
    if (auto lines = logs_.read(query)) {
      if (lines->size() == kKeptForComparison) since = lines->front().at;
      for (LogLine& line : *lines) kept[slot(line.is_error)].push_back(std::move(line.text));
    }
    target += "&since=" + engine_time(since);
  }
  auto reply = client_.call({.target = std::move(target), .timeout = Seconds(60)});
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  FrameReader frames;
  std::array<LineCutter, 2> cutters;
  std::array<TimePoint, 2> begun;
  const auto append = [&](bool is_error, TimePoint at, std::string text) {
    if (live != nullptr && at >= attached_at) {
      const std::scoped_lock lock(live->mutex);
      live->seen_again[slot(is_error)].push_back(text);
    }
    if (take_match(kept[slot(is_error)], text)) return;
    logs_.append(from.instance_id, from.key, at, is_error, std::move(text));
  };
  frames.feed(reply->body, [&](bool is_error, std::string_view frame) {
    const Stamped piece = split_stamp(frame);
    LineCutter& cutter = cutters[slot(is_error)];
    if (cutter.empty()) begun[slot(is_error)] = piece.at;
    cutter.feed(piece.text, [&](std::string text) {
      append(is_error, begun[slot(is_error)], std::move(text));
    });
  });
  for (const bool is_error : {false, true})
    cutters[slot(is_error)].finish(
        [&](std::string text) { append(is_error, begun[slot(is_error)], std::move(text)); });
  return done();
}

bool Output::flows(const std::string& container_id) const {
  const std::scoped_lock lock(table_->mutex);
  return table_->live.contains(container_id);
}

void Output::forget(const std::string& container_id) {
  const std::scoped_lock lock(table_->mutex);
  table_->taken_until.erase(container_id);
}

}  // namespace gantry::docker
