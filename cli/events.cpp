#include <chrono>
#include <thread>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

void print_event(const Session& session, const Json& event) {
  if (session.json()) return print(event.dump());
  std::string about;
  for (const char* key : {"replica_id", "deployment_id", "instance_id", "service_id"})
    if (about.empty()) about = event[key].text();
  std::string line = event["at"].text() + "  " + event["type"].text() + "  " + about;
  if (const std::string message = event["message"].text(); !message.empty()) line += "  " + message;
  print(line);
}

std::string wanted_path(Session& session) {
  const Place place =
      session.call().value("--service") ? find_service(session) : find_project(session);
  std::string path = "/v1/events?project=" + place.project_id;
  if (!place.service_id.empty()) path += "&service=" + place.service_id;
  if (const auto id = session.call().value("--deployment"))
    path += "&deployment=" + percent_encode(*id);
  return path;
}

void follow(Session& session, const std::string& path) {
  std::string cursor;
  bool began = false;
  for (;;) {
    const auto on_event = [&](const StreamEvent& event) {
      if (!event.id.empty()) cursor = event.id;
      if (const auto json = Json::parse(event.data)) print_event(session, *json);
      return true;
    };
    try {
      session.client().stream(path + "&follow=true", cursor, on_event);
      began = true;
    } catch (const Failure& failure) {
      if (!began || failure.code != "unreachable") throw;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int events(Session& session) {
  const std::string path = wanted_path(session);
  if (session.call().has("--follow")) {
    follow(session, path);
    return 0;
  }
  std::string cursor;
  do {
    const Json page = session.client().get(
        path + "&limit=200" + (cursor.empty() ? "" : "&since=" + percent_encode(cursor)));
    for (const Json& event : page["data"].items()) print_event(session, event);
    cursor = page["next_cursor"].text();
  } while (!cursor.empty());
  return 0;
}

}  // namespace

std::vector<Command> events_commands() {
  return {{.path = "events",
           .summary = "what happened in the project, oldest first",
           .scope = Scope::service,
           .options = {{"-f,--follow", "", "from now on, until Ctrl-C"},
                       {"-d,--deployment", "ID", "only this deployment's"}},
           .examples = {"events -s api", "events --follow --json"},
           .run = events}};
}

}  // namespace gantry::cli
