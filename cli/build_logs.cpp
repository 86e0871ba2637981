#include "cli/build_logs.hpp"

#include <chrono>
#include <thread>

#include "cli/wait.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr auto kPause = std::chrono::seconds(1);

}  // namespace

bool SeenLines::is_new(const std::string& at) {
  if (at == last_at_ && left_ > 0) {
    --left_;
    return false;
  }
  left_ = 0;
  if (at != last_at_) seen_at_last_ = 0;
  last_at_ = at;
  ++seen_at_last_;
  return true;
}

std::string follow_lines(Session& session, const LineSource& source, const std::string& since,
                         const PrintLine& print_line) {
  SeenLines seen;
  Outage outage;
  std::optional<std::string> end;
  const auto on_event = [&](const StreamEvent& event) {
    outage.answered();
    const Json data = Json::parse(event.data).value_or(Json());
    if (event.type == "gap")
      session.warn(data["dropped"].text() + " lines came too fast and are left out here");
    if (event.type == "end") end = data["status"].text();
    if (event.type == "log" && seen.is_new(data["at"].text())) print_line(data);
    return !end;
  };
  for (;;) {
    const std::string from = seen.last_at().empty() ? since : seen.last_at();
    seen.begin();
    try {
      session.client().stream(source.stream + "?limit=10000&follow=true" +
                                  (from.empty() ? "" : "&since=" + percent_encode(from)),
                              "", on_event);
      if (end) return *end;
      if (const Json now = session.client().get(source.object);
          source.is_over(now["status"].text()))
        return now["status"].text();
      outage.answered();
    } catch (const Failure& failure) {
      if (failure.code != "unreachable" || outage.lasts_too_long()) throw;
    }
    std::this_thread::sleep_for(kPause);
  }
}

std::string follow_build_logs(Session& session, const std::string& deployment_id,
                              const std::string& since, const PrintLine& print_line) {
  const std::string path = "/v1/deployments/" + percent_encode(deployment_id);
  return follow_lines(session, {.stream = path + "/build-logs", .object = path, .is_over = is_over},
                      since, print_line);
}

std::string build_line_json(const Json& line, const std::string& deployment_id) {
  std::string out;
  JsonObject(out)
      .text("timestamp", line["at"].text())
      .text("message", line["text"].text())
      .text("stream", line["stream"].text())
      .text("phase", line["phase"].text())
      .text("deployment_id", deployment_id);
  return out;
}

}  // namespace gantry::cli
