// Runs: commands of a service in containers of their own, in the background; and the schedules of
// an environment.
#include <algorithm>

#include "cli/build_logs.hpp"
#include "cli/output.hpp"
#include "cli/pairs.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/codec.hpp"
#include "proto/command.hpp"
#include "proto/duration.hpp"
#include "proto/json.hpp"
#include "proto/json_settings.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr int kTimedOut = 124;   // as timeout(1) says it
constexpr int kCancelled = 130;  // as after Ctrl-C

bool run_is_over(const std::string& status) { return status != "queued" && status != "running"; }

std::string runs_path(const Place& place) { return place.instance_path() + "/runs"; }

// One word with blanks is a line, as a start command is.
std::vector<std::string> argv_of(const std::vector<std::string>& words) {
  if (words.size() != 1 || words[0].find_first_of(" \t\n") == std::string::npos) return words;
  const auto argv = command_argv(words[0]);
  if (!argv) throw Failure{argv.error().detail, "usage", "", kUnreadable};
  return *argv;
}

std::string body_of(const Call& call) {
  std::string body;
  JsonObject object(body);
  if (!call.words.empty()) append_strings(object.at("command"), argv_of(call.words));
  if (const auto limit = call.value("--limit")) {
    const auto seconds = duration_seconds(*limit);
    if (!seconds)
      throw Failure{"--limit is \"" + limit->substr(0, 32) + "\"", "usage",
                    "write a length of time such as 90s, 15m or 2h", kUnreadable};
    object.number("limit_seconds", *seconds);
  }
  if (call.has("--variable")) {
    ResolvedVariables variables;
    for (const std::string& pair : call.values("--variable")) {
      const auto [key, value] = parse_pair(pair);
      variables[key] = value;
    }
    object.raw("variables", variables_json(variables));
  }
  return body;
}

std::string which_run(const Session& session) {
  if (!session.call().words.empty()) return session.call().words.front();
  throw Failure{"which run?", "usage", "`{program} job list` shows them, latest is the newest",
                kUnreadable};
}

Json find_run(Session& session, const Place& place) {
  const std::string wanted = which_run(session);
  if (wanted != "latest")
    return session.client().get(runs_path(place) + "/" + percent_encode(wanted));
  const auto newest = session.client().get(runs_path(place) + "?limit=1")["data"].items();
  if (newest.empty())
    throw Failure{"no job of " + place.service + " was ever run here", "not_found",
                  "`{program} job run -s " + place.service + " -- PROGRAM`"};
  return newest.front();
}

std::string exit_text(const Json& run) {
  return run["exit_code"].is_null() ? "" : run["exit_code"].text();
}

std::string took(const Json& run, TimePoint now) {
  if (run["started_at"].is_null()) return "";
  const auto end = parse_time(run["finished_at"].text());
  return age(run["started_at"].text(), end ? *end : now);
}

void print_line(const Session& session, const Json& line) {
  if (session.json())
    print(line.dump());
  else if (line["stream"].text() == "stderr")
    print_error(line["text"].text());
  else
    print(line["text"].text());
}

// What it writes until its end, then the run as it is.
Json follow_run(Session& session, const Place& place, const std::string& id) {
  const std::string path = runs_path(place) + "/" + percent_encode(id);
  follow_lines(session, {.stream = path + "/logs", .object = path, .is_over = run_is_over}, "",
               [&](const Json& line) { print_line(session, line); });
  return session.client().get(path);
}

// With its own exit code, whatever that means.
int end_with(Session& session, const Json& run) {
  const std::string status = run["status"].text();
  if (session.json()) print(run.dump());
  if (status == "succeeded") return 0;
  const std::string reason = run["reason"].text();
  session.warn("run " + run["id"].text() + " " + status + (reason.empty() ? "" : ": " + reason));
  if (status == "timed_out") return kTimedOut;
  if (status == "cancelled") return kCancelled;
  const auto code = static_cast<int>(run["exit_code"].number());
  return code == 0 ? 1 : code;
}

int run_job(Session& session) {
  const Place place = find_service(session);
  const Json run = session.client().send("POST", runs_path(place), body_of(session.call()));
  const std::string id = run["id"].text();
  if (session.call().has("--wait")) {
    session.note("run " + id);
    return end_with(session, follow_run(session, place, id));
  }
  print(session.json() ? run.dump()
                       : "run " + id + ": `" + session.program() + " job logs " + id + " -s " +
                             place.service + "` shows what it writes");
  return 0;
}

int list_jobs(Session& session) {
  const Place place = find_service(session);
  const auto all = session.client().list(runs_path(place));
  if (session.json()) {
    print(json_array(all));
    return 0;
  }
  const TimePoint now = system_clock().now();
  std::vector<Row> rows;
  for (const Json& each : all)
    rows.push_back({each["id"].text(), each["trigger"].text(), each["status"].text(),
                    exit_text(each), age(each["created_at"].text(), now), took(each, now),
                    each["tick"].is_null() ? "" : each["tick"].text().substr(0, 16) + "Z",
                    each["reason"].text()});
  print_table({"RUN", "BY", "STATUS", "EXIT", "AGE", "TOOK", "TICK (UTC)", "REASON"}, rows);
  return 0;
}

int show_logs(Session& session) {
  const Place place = find_service(session);
  const Json run = find_run(session, place);
  const std::string id = run["id"].text();
  if (session.call().has("--follow")) {
    (void)follow_run(session, place, id);
    return 0;
  }
  const Json lines =
      session.client().get(runs_path(place) + "/" + percent_encode(id) + "/logs?limit=10000");
  for (const Json& line : lines["data"].items()) print_line(session, line);
  return 0;
}

int cancel_job(Session& session) {
  const Place place = find_service(session);
  const std::string id = find_run(session, place)["id"].text();
  const Json run =
      session.client().send("POST", runs_path(place) + "/" + percent_encode(id) + "/cancel");
  print(session.json() ? run.dump() : "run " + id + " is being ended");
  return 0;
}

std::string last_of(const Json& schedule, TimePoint now) {
  const Json& run = schedule["last_run"];
  if (run.is_null()) return "";
  return run["status"].text() + " " + age(run["created_at"].text(), now) + " ago";
}

int list_schedules(Session& session) {
  const Place place = find_environment(session);
  const Json all = session.client().get(place.environment_path() + "/schedules")["data"];
  if (session.json()) {
    print(all.dump());
    return 0;
  }
  const TimePoint now = system_clock().now();
  std::vector<Row> rows;
  for (const Json& each : all.items()) {
    const auto& next = each["next"].items();
    const std::string local = next.empty() ? "never" : next[0]["local"].text();
    const std::string utc = next.empty() ? "" : next[0]["at"].text().substr(0, 16) + "Z";
    rows.push_back({each["service"]["name"].text(), each["schedule"].text(), each["zone"].text(),
                    local, utc, last_of(each, now)});
  }
  print_table({"SERVICE", "SCHEDULE", "ZONE", "NEXT", "NEXT (UTC)", "LAST"}, rows);
  return 0;
}

}  // namespace

std::vector<Command> job_commands() {
  return {
      {.path = "job run",
       .summary = "a program of the service in a container of its own, in the background; none: "
                  "its start command",
       .words = "[-- PROGRAM [ARGUMENT...]]",
       .words_max = -1,
       .scope = Scope::service,
       .options = {{"--wait", "", "show what it writes until it ends; exit with its code"},
                   {"--limit", "TIME", "end it after so long: 90s, 15m, 2h"},
                   {"--variable", "KEY=VALUE", "beside the service's own; may be repeated"}},
       .examples = {"job run -s api --wait -- npm run seed", "job run -s report --limit 1h"},
       .run = run_job,
       .raw_words = true},
      {.path = "job list",
       .summary = "runs of the service, the newest first",
       .scope = Scope::service,
       .run = list_jobs},
      {.path = "job logs",
       .summary = "what a run wrote",
       .words = "RUN|latest",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"-f,--follow", "", "until it ends"}},
       .run = show_logs},
      {.path = "job cancel",
       .summary = "end a run: SIGTERM, then SIGKILL",
       .words = "RUN|latest",
       .words_max = 1,
       .scope = Scope::service,
       .run = cancel_job},
      {.path = "cron list",
       .summary = "the environment's schedules, and when they are due next",
       .scope = Scope::environment,
       .run = list_schedules}};
}

}  // namespace gantry::cli
