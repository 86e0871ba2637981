#include <algorithm>
#include <chrono>
#include <thread>

#include <unistd.h>

#include "cli/build_logs.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr int kLines = 500;

struct Wanted {
  std::string path = {};        // of what the service writes
  std::string deployment = {};  // empty: every one
  bool build = false;
  std::string lines = std::to_string(kLines);
  std::string since = {};
  std::string filter = {};
  bool follow = false;
};

std::string written_deployment(const Call& call) {
  const std::string option = call.value("--deployment").value_or("");
  return option.empty() && !call.words.empty() ? call.words[0] : option;
}

Json newest_deployment(Session& session, const Place& place) {
  const auto all = session.client().get(place.instance_path() + "/deployments?limit=1")["data"];
  if (all.items().empty())
    throw Failure{"service " + place.service + " was never deployed here", "nothing_deployed",
                  "`{program} up` uploads and deploys this directory"};
  return all.items()[0];
}

// The one to show when none was named. What never came up wrote little: its build says why.
void choose_deployment(Session& session, const Place& place, Wanted& wanted) {
  const Call& call = session.call();
  if (wanted.build || call.has("--latest")) {
    wanted.deployment = newest_deployment(session, place)["id"].text();
    return;
  }
  if (wanted.follow) return;
  const auto all =
      session.client().get(place.instance_path() + "/deployments?limit=20")["data"].items();
  if (all.empty() || all[0]["status"].text() != "FAILED") return;
  const std::string id = all[0]["id"].text();
  const bool serves = std::any_of(all.begin(), all.end(), [](const Json& each) {
    const std::string status = each["status"].text();
    return status == "SUCCESS" || status == "SLEEPING";
  });
  if (serves) {
    session.note("the newest deployment, " + id + ", FAILED: `" + session.program() +
                 " logs --build` shows its build; this is from the one that serves");
    return;
  }
  session.note("deployment " + id + " FAILED: " + all[0]["reason"].text());
  wanted.deployment = id;
  wanted.build = true;
}

Wanted read_wanted(Session& session) {
  const Call& call = session.call();
  Wanted wanted{.deployment = written_deployment(call), .build = call.has("--build")};
  const auto since = call.value("--since");
  if (since) wanted.since = since_time(*since, system_clock().now());
  if (const auto lines = call.value("--lines")) wanted.lines = *lines;
  wanted.filter = call.value("--filter").value_or("");
  const bool bare_filter = call.has("--filter") && wanted.filter.empty();
  const bool bounded = call.has("--lines") || since;
  const bool on_terminal = !bounded && !session.json() && is_terminal(STDOUT_FILENO);
  wanted.follow = call.has("--follow") || bare_filter;
  if (wanted.build && !wanted.deployment.empty()) {
    wanted.follow = wanted.follow || on_terminal;
    return wanted;
  }
  const Place place = find_service(session);
  if (wanted.deployment.empty()) choose_deployment(session, place, wanted);
  wanted.follow = wanted.follow || on_terminal;
  wanted.path = place.instance_path() + "/logs?limit=" + percent_encode(wanted.lines);
  if (!wanted.deployment.empty()) wanted.path += "&deployment=" + percent_encode(wanted.deployment);
  return wanted;
}

bool is_filtered(const Json& line, const std::string& filter) {
  return !filter.empty() && line["text"].text().find(filter) == std::string::npos;
}

void print_line(const Session& session, const Json& line, const std::string& filter) {
  const std::string text = line["text"].text();
  if (is_filtered(line, filter)) return;
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

// Of a build and what its pre-deploy command wrote. Followed, it ends with the build.
void build_logs(Session& session, const Wanted& wanted) {
  const bool stamped = session.call().has("--timestamps");
  const auto on_line = [&](const Json& line) {
    if (is_filtered(line, wanted.filter)) return;
    if (session.json()) return print(build_line_json(line, wanted.deployment));
    const std::string text = line["text"].text();
    print(stamped ? line["at"].text() + " " + line["phase"].text() + " " + text : text);
  };
  if (wanted.follow) {
    const std::string status = follow_build_logs(session, wanted.deployment, wanted.since, on_line);
    if (!session.json()) session.note("the build is over: " + status);
    return;
  }
  const Json answer =
      session.client().get("/v1/deployments/" + percent_encode(wanted.deployment) +
                           "/build-logs?limit=" + percent_encode(wanted.lines) +
                           (wanted.since.empty() ? "" : "&since=" + percent_encode(wanted.since)));
  for (const Json& line : answer["data"].items()) on_line(line);
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
        wanted.path + "&follow=true" + (since.empty() ? "" : "&since=" + percent_encode(since));
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
  if (wanted.build) {
    build_logs(session, wanted);
    if (session.call().has("--build")) return 0;
  } else if (wanted.follow) {
    follow(session, wanted);
    return 0;
  }
  const std::string since = wanted.since.empty() ? "" : "&since=" + percent_encode(wanted.since);
  for (const Json& line : session.client().get(wanted.path + since)["data"].items())
    print_line(session, line, wanted.filter);
  return 0;
}

}  // namespace

std::vector<Command> logs_commands() {
  return {
      {.path = "logs",
       .summary = "what the service writes, or its build; on a terminal it goes on until Ctrl-C",
       .words = "[DEPLOYMENT]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"--follow", "", "go on with what comes"},
                   {"-f,--filter", "TEXT", "only lines with TEXT; without TEXT: follow", true},
                   {"-n,--tail,--lines", "N", "the last N lines (500)"},
                   {"-S,--since", "TIME", "30s, 15m, 2h, 1d or a time"},
                   {"-d,--deployment", "ID", "only this deployment's"},
                   {"--latest", "", "only the newest deployment's"},
                   {"-b,--build", "", "of the build (of the newest deployment, or of DEPLOYMENT)"},
                   {"--timestamps", "", "time and replica before each line"}},
       .examples = {"logs -s api -n 100", "logs --build", "logs --follow",
                    "logs --since 15m --json"},
       .run = logs}};
}

}  // namespace gantry::cli
