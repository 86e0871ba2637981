#include "api/log_stream.hpp"

#include <deque>
#include <mutex>
#include <utility>

#include "api/page.hpp"
#include "api/problem.hpp"
#include "proto/json.hpp"

namespace gantry::api {
namespace {

constexpr int kLinesDefault = 1000;
constexpr int kLinesMax = 10'000;
constexpr std::size_t kBufferLines = 10'000;
constexpr std::size_t kBufferBytes = 1024 * 1024;

bool wanted(const LogQuery& query, const LogLine& line) {
  return (!query.deployment_id || line.key.deployment_id == *query.deployment_id) &&
         (!query.replica_id || line.key.id() == *query.replica_id) &&
         (!query.since || line.at >= *query.since);
}

}  // namespace

Result<LogQuery> read_log_bounds(const Request& request) {
  LogQuery query;
  const auto limit = read_limit(request, kLinesDefault, kLinesMax);
  if (!limit) return limit.error();
  query.limit = *limit;
  if (const std::string* text = request.query_value("since")) {
    const auto since = parse_time(*text);
    if (!since) return invalid_query("since", "expected a time such as 2026-11-22T18:26:00Z");
    query.since = *since;
  }
  return query;
}

Result<Response> log_list(Logs& logs, const LogQuery& query, AppendLine append) {
  const auto lines = logs.read(query);
  if (!lines) return lines.error();
  Response response;
  std::string& out = response.body;
  out += "{\"data\":[";
  for (const LogLine& line : *lines) {
    if (out.back() != '[') out += ',';
    append(out, line);
  }
  out += "]}";
  return response;
}

// Lines between the appending thread and a reader. Full: the oldest go and are counted.
class LogStream::Buffer {
 public:
  void push(const LogLine& line) {
    std::function<void()> wake;
    {
      const std::scoped_lock lock(mutex_);
      lines_.push_back(line);
      bytes_ += line.text.size();
      while (lines_.size() > kBufferLines || bytes_ > kBufferBytes) {
        bytes_ -= lines_.front().text.size();
        lines_.pop_front();
        ++dropped_;
      }
      wake = wake_;
    }
    if (wake) wake();
  }
  void on_ready(std::function<void()> wake) {
    const std::scoped_lock lock(mutex_);
    wake_ = std::move(wake);
  }
  void nudge() {
    std::function<void()> wake;
    {
      const std::scoped_lock lock(mutex_);
      wake = wake_;
    }
    if (wake) wake();
  }
  std::deque<LogLine> take(std::uint64_t& dropped) {
    const std::scoped_lock lock(mutex_);
    dropped = std::exchange(dropped_, 0);
    bytes_ = 0;
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::deque<LogLine> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::function<void()> wake_;
};

// It follows before it reads, and tells lines seen twice by their sequence.
LogStream::LogStream(Logs& logs, LogQuery query, AppendLine append, End end)
    : logs_(logs),
      query_(std::move(query)),
      append_(append),
      end_(std::move(end)),
      buffer_(std::make_shared<Buffer>()) {
  following_ = logs.follow(query_.instance_id,
                           [buffer = buffer_, wanted_query = query_](const LogLine& line) {
                             if (wanted(wanted_query, line)) buffer->push(line);
                           });
}

std::function<void()> LogStream::waker() const {
  return [buffer = buffer_] { buffer->nudge(); };
}

void LogStream::on_ready(std::function<void()> wake) {
  buffer_->on_ready(wake);
  wake();
}

void LogStream::append_event(std::string& out, const LogLine& line) const {
  out += "event: log\ndata: ";
  append_(out, line);
  out += "\n\n";
}

bool LogStream::read(std::string& out) {
  const std::optional<std::string> end = end_ ? end_() : std::nullopt;  // before the last lines
  if (!caught_up_) {
    const auto kept = logs_.read(query_);
    if (!kept) return false;
    for (const LogLine& line : *kept) {
      append_event(out, line);
      last_ = std::max(last_, line.sequence);
    }
    caught_up_ = true;
  }
  std::uint64_t dropped = 0;
  const auto lines = buffer_->take(dropped);
  if (dropped > 0) {
    out += "event: gap\ndata: ";
    JsonObject(out).number("dropped", static_cast<std::int64_t>(dropped));
    out += "\n\n";
  }
  for (const LogLine& line : lines)
    if (line.sequence > last_) append_event(out, line);
  if (end) out += "event: end\ndata: " + *end + "\n\n";
  return !end;
}

}  // namespace gantry::api
