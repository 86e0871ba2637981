#include "cli/remote.hpp"

#include <csignal>
#include <optional>

#include <unistd.h>

#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

constexpr int kNotFound = 127;

std::string body_of(const RemoteCall& call, bool terminal) {
  std::vector<std::string> words;
  for (const std::string& word : call.command) words.push_back(json_string(word));
  std::string body;
  {
    JsonObject object(body);
    object.raw("command", json_array(words));
    if (terminal) {
      const auto size = terminal_size();
      JsonObject(object.at("terminal")).number("columns", size.columns).number("rows", size.rows);
    }
    if (!call.replica.empty()) object.text("replica", call.replica);
    if (call.one_off) object.boolean("one_off", true);
  }
  return body;
}

std::string where(const Json& ticket, const Place& place) {
  const std::string of = place.service + " (" + place.environment + ")";
  if (ticket["one_off"].boolean()) return "in a container of its own, of " + of;
  return "in " + ticket["replica_id"].text() + " of " + of;
}

}  // namespace

PumpEnd run_remote(Session& session, const Place& place, const RemoteCall& call) {
  const bool terminal = is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
  const Json ticket =
      session.client().send("POST", place.instance_path() + "/exec", body_of(call, terminal));
  session.note("running " + call.command.front() + " " + where(ticket, place));
  WebSocket socket(session.url(), ticket["url"].text());
  PumpEnds ends{.input = STDIN_FILENO, .output = STDOUT_FILENO, .error_output = STDERR_FILENO};
  std::optional<RawTerminal> raw;
  if (terminal) {
    raw.emplace();
    ends.wake = raw->wake();
    ends.size = terminal_size;
  }
  return pump(socket, ends);
}

int exit_code_of(const PumpEnd& end, const RemoteCall& call) {
  if (end.exit_code) return *end.exit_code;
  const Error& error = *end.error;
  if (error.reason == "output_closed") return 128 + SIGPIPE;
  if (error.reason == "start_failed")
    throw Failure{call.command.front() + ": " + error.detail, error.reason, "", kNotFound};
  throw Failure{error.detail, error.reason, ""};
}

Values rendered_variables(Session& session, const Place& place) {
  const Json answer = session.client().get(place.instance_path() + "/variables?rendered=true");
  Values values;
  for (const Json& each : answer["data"].items())
    values[each["name"].text()] = each["value"].text();
  return values;
}

std::string image_of(const Place& place) { return place.instance["source"]["image"].text(); }

}  // namespace gantry::cli
