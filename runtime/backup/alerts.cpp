#include "runtime/backup/alerts.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "proto/json.hpp"

namespace gantry {
namespace {

constexpr int kPage = 500;

// What ends an alert; empty: it is a moment and no state, and each one is told.
struct Kind {
  std::string_view raised_by;
  std::string_view ended_by;
};
constexpr Kind kKinds[] = {{"backup.failed", "backup.succeeded"},
                           {"backup.missing", "backup.succeeded"},
                           {"backup.unverified", "backup.verified"},
                           {"restore.unverified", "backup.verified"},
                           {"restore.failed", ""},
                           {"volume.filling", ""}};

std::string body_of(const Event& event, std::string_view state,
                    const std::vector<std::string>& alerts) {
  std::string out;
  {
    JsonObject object(out);
    object.text("id", event.cursor).text("state", state);
    std::string& list = object.at("alerts");
    list += '[';
    for (const std::string& one : alerts) {
      if (list.back() != '[') list += ',';
      append_json_string(list, one);
    }
    list += ']';
    object.text("event", event.type)
        .text("message", event.message)
        .text_or_null("project_id", event.project_id.str())
        .text_or_null("environment_id", event.environment_id)
        .text_or_null("service_id", event.service_id)
        .text_or_null("instance_id", event.instance_id)
        .time("at", event.at);
  }
  return out;
}

}  // namespace

std::optional<std::string> alert_of(const Event& event, AlertMark& mark) {
  std::vector<std::string> ended;
  for (const Kind& kind : kKinds) {
    const std::string key = std::string(kind.raised_by) + " " + event.instance_id;
    if (event.type == kind.raised_by) {
      if (!kind.ended_by.empty() && !mark.raised.insert(key).second) return std::nullopt;
      return body_of(event, "raised", {std::string(kind.raised_by)});
    }
    if (event.type == kind.ended_by && mark.raised.erase(key) > 0)
      ended.emplace_back(kind.raised_by);
  }
  if (ended.empty()) return std::nullopt;
  return body_of(event, "ended", ended);
}

Alerts::Alerts(Store& store, AlertLedger& ledger, std::function<bool()> leads, AlertOptions options)
    : store_(store), ledger_(ledger), leads_(std::move(leads)), options_(std::move(options)) {}
Alerts::~Alerts() { stop(); }

void Alerts::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}
void Alerts::stop() { thread_ = {}; }

bool Alerts::wait(Duration span, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, span, [] { return false; });
  return !stop.stop_requested();
}

void Alerts::run(const std::stop_token& stop) {
  bool more = false;
  while (more ? !stop.stop_requested() : wait(options_.tick, stop)) {
    more = false;
    try {
      if (!leads_()) continue;
      const auto stepped = step(stop);
      if (!stepped) options_.log("alerts not read detail=\"" + stepped.error().detail + "\"");
      more = stepped && *stepped;
    } catch (const std::exception& error) {
      options_.log(std::string("alerts not read what=\"") + error.what() + "\"");
    }
  }
}

Result<bool> Alerts::step(const std::stop_token& stop) {
  auto mark = ledger_.alert_mark();
  if (!mark) return mark.error();
  if (mark->cursor.empty()) {  // what was before nobody asked for
    auto latest = store_.latest_cursor();
    if (!latest) return latest.error();
    mark->cursor = *std::move(latest);
    GANTRY_TRY(ledger_.keep_alert_mark(*mark));
  }
  const auto events = store_.events({}, mark->cursor, kPage);
  if (!events) return events.error();
  for (const Event& event : *events) {
    const auto body = alert_of(event, *mark);
    mark->cursor = event.cursor;
    if (!body) continue;
    if (!deliver(*body, stop)) return false;  // it is told again: its mark was not kept
    GANTRY_TRY(ledger_.keep_alert_mark(*mark));
  }
  if (!events->empty()) GANTRY_TRY(ledger_.keep_alert_mark(*mark));
  return static_cast<int>(events->size()) == kPage;
}

// Until it is taken; false: it is to stop, or another daemon's turn.
bool Alerts::deliver(const std::string& body, const std::stop_token& stop) {
  for (Duration pause = options_.first_pause;;
       pause = std::min(pause * 2, options_.longest_pause)) {
    const auto sent = post_webhook(options_.webhook, body, stop);
    if (sent) return true;
    options_.log("alert not delivered detail=\"" + sent.error().detail + "\"");
    if (!wait(pause, stop) || !leads_()) return false;
  }
}

}  // namespace gantry
