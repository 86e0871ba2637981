#include <deque>
#include <mutex>

#include "api/follow.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"

namespace gantry::api {
namespace {

constexpr int kLinesDefault = 1000;
constexpr int kLinesMax = 10'000;
constexpr std::size_t kBufferLines = 10'000;
constexpr std::size_t kBufferBytes = 1024 * 1024;

void append_line(std::string& out, const LogLine& line) {
  JsonObject(out)
      .time("at", line.at)
      .text("replica_id", line.key.id())
      .text("deployment_id", line.key.deployment_id.str())
      .text("stream", line.is_error ? "stderr" : "stdout")
      .text("text", line.text);
}

void append_event(std::string& out, const LogLine& line) {
  out += "event: log\ndata: ";
  append_line(out, line);
  out += "\n\n";
}

bool wanted(const LogQuery& query, const LogLine& line) {
  return (!query.deployment_id || line.key.deployment_id == *query.deployment_id) &&
         (!query.replica_id || line.key.id() == *query.replica_id) &&
         (!query.since || line.at >= *query.since);
}

// Lines between the appending thread and a reader. Full: the oldest go and are counted.
class LogBuffer {
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

// The kept lines first, then those to come. It follows before it reads, and tells lines seen twice
// by their sequence.
class LogStream : public Stream {
 public:
  LogStream(Logs& logs, LogQuery query) : logs_(logs), query_(std::move(query)) {
    following_ = logs.follow(query_.instance_id,
                             [buffer = buffer_, wanted_query = query_](const LogLine& line) {
                               if (wanted(wanted_query, line)) buffer->push(line);
                             });
  }

  void on_ready(std::function<void()> wake) override {
    buffer_->on_ready(wake);
    wake();
  }

  bool read(std::string& out) override {
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
    return true;
  }

 private:
  Logs& logs_;
  LogQuery query_;
  std::shared_ptr<LogBuffer> buffer_ = std::make_shared<LogBuffer>();
  std::uint64_t last_ = 0;
  bool caught_up_ = false;
  std::shared_ptr<void> following_;
};

Result<LogQuery> read_query(const Request& request, const InstanceId& instance_id) {
  LogQuery query;
  query.instance_id = instance_id;
  const auto limit = read_limit(request, kLinesDefault, kLinesMax);
  if (!limit) return limit.error();
  query.limit = *limit;
  if (const std::string* text = request.query_value("since")) {
    const auto since = parse_time(*text);
    if (!since) return invalid_query("since", "expected a time such as 2026-11-22T18:26:00Z");
    query.since = *since;
  }
  if (const std::string* text = request.query_value("deployment")) {
    const auto id = DeploymentId::parse(*text);
    if (!id) return invalid_query("deployment", id.error().detail);
    query.deployment_id = *id;
  }
  if (const std::string* text = request.query_value("replica")) {
    const auto key = ReplicaKey::parse(*text);
    if (!key) return invalid_query("replica", key.error().detail);
    query.replica_id = key->id();
  }
  return query;
}

}  // namespace

Answer read_logs(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto query = read_query(request, place->instance->instance.id);
  if (!query) return query.error();
  const auto follow = read_follow(request);
  if (!follow) return follow.error();
  Response response;
  if (*follow) {
    response.content_type = "text/event-stream";
    response.stream = std::make_shared<LogStream>(context.logs, *query);
    return response;
  }
  const auto lines = context.logs.read(*query);
  if (!lines) return lines.error();
  std::string& out = response.body;
  out += "{\"data\":[";
  for (const LogLine& line : *lines) {
    if (out.back() != '[') out += ',';
    append_line(out, line);
  }
  out += "]}";
  return response;
}

}  // namespace gantry::api
