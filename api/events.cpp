#include <mutex>

#include "api/follow.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"

namespace gantry::api {
namespace {

constexpr int kBatch = 100;
constexpr std::size_t kBytesPerRead = 256 * 1024;
constexpr std::size_t kCursorMax = 64;

void append_event(std::string& out, const Event& event) {
  out += "id: " + event.cursor + "\nevent: " + event.type + "\ndata: ";
  append_json(out, event);
  out += "\n\n";
}

// Reads from its own cursor whenever the feed says that something was committed: nothing is
// buffered here.
class EventStream : public Stream {
 public:
  EventStream(Store& store, std::shared_ptr<EventFeed> feed, EventFilter filter, std::string after)
      : store_(store),
        feed_(std::move(feed)),
        filter_(std::move(filter)),
        after_(std::move(after)) {}

  void on_ready(std::function<void()> wake) override {
    wake_ = wake;
    following_ = feed_->follow(wake);
    wake();
  }

  bool read(std::string& out) override {
    while (out.size() < kBytesPerRead) {
      const auto events = store_.events(filter_, after_, kBatch);
      if (!events) return false;  // the client comes back with Last-Event-ID
      for (const Event& event : *events) append_event(out, event);
      if (!events->empty()) after_ = events->back().cursor;
      if (events->size() < kBatch) return true;
    }
    if (wake_) wake_();
    return true;
  }

 private:
  Store& store_;
  std::shared_ptr<EventFeed> feed_;
  EventFilter filter_;
  std::string after_;
  std::function<void()> wake_;
  std::shared_ptr<void> following_;
};

Result<EventFilter> read_filter(const Request& request, const Context& context) {
  EventFilter filter;
  ProjectPtr project;
  if (const std::string* wanted = request.query_value("project")) {
    project = context.store.project(*wanted);
    if (!project) return not_found("project " + clipped(*wanted));
    filter.project_id = project->project.id;
  }
  if (const std::string* wanted = request.query_value("service")) {
    const Service* service = project ? project->service(*wanted) : nullptr;
    if (service != nullptr)
      filter.service_id = service->id.str();
    else if (!project && ServiceId::matches(*wanted))
      filter.service_id = *wanted;
    else
      return project ? not_found("service " + clipped(*wanted))
                     : invalid_query("service",
                                     "a service's name needs project= beside it; its id does not");
  }
  if (const std::string* wanted = request.query_value("deployment")) {
    const auto id = DeploymentId::parse(*wanted);
    if (!id) return invalid_query("deployment", id.error().detail);
    filter.deployment_id = id->str();
  }
  return filter;
}

// Where to go on: Last-Event-ID of a stream that broke, else since=; nothing when neither is there.
Result<std::optional<std::string>> read_cursor(const Request& request) {
  constexpr std::string_view allowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:";
  const std::string* cursor = request.header("last-event-id");
  if (cursor == nullptr) cursor = request.query_value("since");
  if (cursor == nullptr) return std::optional<std::string>();
  if (cursor->size() > kCursorMax || cursor->find_first_not_of(allowed) != std::string::npos)
    return invalid_query("since", "expected a cursor of an earlier event");
  return std::optional<std::string>(*cursor);
}

Answer stream(Context& context, const EventFilter& filter,
              const std::optional<std::string>& after) {
  std::string from = after.value_or("");
  if (!after) {
    auto latest = context.store.latest_cursor();
    if (!latest) return latest.error();
    from = std::move(*latest);
  }
  Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("X-Event-Cursor", from);
  response.stream = std::make_shared<EventStream>(context.store, context.event_feed, filter, from);
  return response;
}

}  // namespace

Answer read_events(const Request& request, Context& context) {
  const auto filter = read_filter(request, context);
  if (!filter) return filter.error();
  const auto after = read_cursor(request);
  if (!after) return after.error();
  const auto follow = read_follow(request);
  if (!follow) return follow.error();
  if (*follow) return stream(context, *filter, *after);

  const auto limit = read_limit(request, kPageDefault, kPageMax);
  if (!limit) return limit.error();
  // Taken before the list, so that a watcher who goes on from here misses nothing.
  auto latest = context.store.latest_cursor();
  if (!latest) return latest.error();
  auto events = context.store.events(*filter, after->value_or(""), *limit + 1);
  if (!events) return events.error();
  const bool more = events->size() > static_cast<std::size_t>(*limit);
  if (more) events->pop_back();
  Response response;
  std::string data;
  for (const Event& event : *events) {
    if (!data.empty()) data += ',';
    append_json(data, event);
  }
  const std::string last = events->empty() ? after->value_or(*latest) : events->back().cursor;
  JsonObject(response.body)
      .raw("data", "[" + data + "]")
      .text_or_null("next_cursor", more ? last : "")
      .boolean("has_more", more);
  response.headers.emplace_back("X-Event-Cursor", last);
  return response;
}

}  // namespace gantry::api
