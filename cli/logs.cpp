#include <chrono>
#include <thread>

#include <unistd.h>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

constexpr int kLines = 500;

struct Wanted {
  std::string path = {};
  std::string lines = std::to_string(kLines);
  std::string since = {};
  std::string filter = {};
  bool follow = false;
};

std::string newest_deployment(Session& session, const Place& place) {
  const auto all = session.client().get(place.instance_path() + "/deployments?limit=1")["data"];
  if (all.items().empty())
    throw Failure{"service " + place.service + " was never deployed here", "nothing_deployed",
                  "`{program} deploy --image IMAGE`"};
  return all.items()[0]["id"].text();
}

Wanted read_wanted(Session& session) {
  const Call& call = session.call();
  if (call.has("--build"))
    throw Failure{"logs of builds are not available yet", "not_available",
                  "`{program} logs` shows what the service writes"};
  const Place place = find_service(session);
  Wanted wanted{.path = place.instance_path() + "/logs"};
  std::string deployment = call.value("--deployment").value_or("");
  if (deployment.empty() && !call.words.empty()) deployment = call.words[0];
  if (deployment.empty() && call.has("--latest")) deployment = newest_deployment(session, place);
  const auto since = call.value("--since");
  if (since) wanted.since = since_time(*since, system_clock().now());
  if (const auto lines = call.value("--lines")) wanted.lines = *lines;
  wanted.filter = call.value("--filter").value_or("");
  const bool bare_filter = call.has("--filter") && wanted.filter.empty();
  const bool bounded = call.has("--lines") || since;
  wanted.follow = call.has("--follow") || bare_filter ||
                  (!bounded && !session.json() && is_terminal(STDOUT_FILENO));
  wanted.path += "?limit=" + percent_encoded(wanted.lines);
  if (!deployment.empty()) wanted.path += "&deployment=" + percent_encoded(deployment);
  return wanted;
}

void print_line(const Session& session, const Json& line, const std::string& filter) {
  const std::string text = line["text"].text();
  if (!filter.empty() && text.find(filter) == std::string::npos) return;
  if (!session.json()) {
    const bool stamped = session.call().has("--timestamps");
    print(stamped ? line["at"].text() + " " + line["replica_id"].text() + " " + text : text);
    return;
  }
  std::string out;
  JsonObject(out)
      .text("timestamp", line["at"].text())
      .text("message", text)
      .text("stream", line["stream"].text())
      .text("deployment_id", line["deployment_id"].text())
      .text("replica_id", line["replica_id"].text());
  print(out);
}

// A stream that broke goes on behind the last line that was seen.
void follow(Session& session, const Wanted& wanted) {
  std::string since = wanted.since;
  bool began = false;
  for (;;) {
    const auto on_event = [&](const StreamEvent& event) {
      const Json line = Json::parse(event.data).value_or(Json());
      if (event.type == "gap")
        session.warn(line["dropped"].text() + " lines came too fast and are left out here");
      if (event.type != "log") return true;
      if (const auto at = parse_time(line["at"].text()))
        since = format_time(*at + std::chrono::microseconds(1));
      print_line(session, line, wanted.filter);
      return true;
    };
    const std::string path =
        wanted.path + "&follow=true" + (since.empty() ? "" : "&since=" + percent_encoded(since));
    try {
      session.client().stream(path, "", on_event);
      began = true;
    } catch (const Failure& failure) {
      if (!began || failure.code != "unreachable") throw;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int logs(Session& session) {
  const Wanted wanted = read_wanted(session);
  if (wanted.follow) {
    follow(session, wanted);
    return 0;
  }
  const std::string since = wanted.since.empty() ? "" : "&since=" + percent_encoded(wanted.since);
  for (const Json& line : session.client().get(wanted.path + since)["data"].items())
    print_line(session, line, wanted.filter);
  return 0;
}

}  // namespace

std::vector<Command> logs_commands() {
  return {{.path = "logs",
           .summary = "what the service writes; on a terminal it goes on until Ctrl-C",
           .words = "[DEPLOYMENT]",
           .words_max = 1,
           .scope = Scope::service,
           .options = {{"--follow", "", "go on with what comes"},
                       {"-f,--filter", "TEXT", "only lines with TEXT; without TEXT: follow", true},
                       {"-n,--tail,--lines", "N", "the last N lines (500)"},
                       {"-S,--since", "TIME", "30s, 15m, 2h, 1d or a time"},
                       {"-d,--deployment", "ID", "only this deployment's"},
                       {"--latest", "", "only the newest deployment's"},
                       {"-b,--build", "", "of the build (not available yet)"},
                       {"--timestamps", "", "time and replica before each line"}},
           .examples = {"logs -s api -n 100", "logs --follow", "logs --since 15m --json"},
           .run = logs}};
}

}  // namespace gantry::cli
