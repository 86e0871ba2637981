#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr int kDefault = 20;
constexpr int kPage = 200;
constexpr int kMost = 1000;

std::size_t wanted_count(const Call& call) {
  const auto text = call.value("--limit");
  if (!text) return kDefault;
  const int count = text->find_first_not_of("0123456789") == std::string::npos && text->size() < 6
                        ? std::stoi("0" + *text)
                        : 0;
  if (count < 1 || count > kMost)
    throw Failure{"--limit goes from 1 to " + std::to_string(kMost), "usage", "", kUnreadable};
  return static_cast<std::size_t>(count);
}

std::vector<Json> newest(Session& session, const std::string& path, std::size_t count) {
  std::vector<Json> all;
  std::string cursor;
  do {
    const Json page = session.client().get(
        path + "?limit=" + std::to_string(std::min<std::size_t>(count - all.size(), kPage)) +
        (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor)));
    for (const Json& each : page["data"].items()) all.push_back(each);
    cursor = page["next_cursor"].text();
  } while (!cursor.empty() && all.size() < count);
  return all;
}

int list(Session& session) {
  const std::size_t count = wanted_count(session.call());
  const Place place = find_service(session);
  std::vector<std::string> documents;
  std::vector<Row> rows;
  const TimePoint now = system_clock().now();
  for (const Json& each : newest(session, place.instance_path() + "/deployments", count)) {
    documents.push_back(each.dump());
    rows.push_back({each["id"].text(), paint_status(each["status"].text()),
                    age(each["created_at"].text(), now), each["source"]["image"].text(),
                    each["reason"].text()});
  }
  if (session.json())
    print(json_array(documents));
  else
    print_table({"DEPLOYMENT", "STATUS", "AGE", "IMAGE", "REASON"}, rows);
  return 0;
}

// What an owner says to one that needs an approval.
int decide(Session& session, const std::string& verb, const std::string& body) {
  if (session.call().words.empty())
    throw Failure{"the deployment's id is missing", "usage",
                  "`{program} deployment list` shows which need an approval", kUnreadable};
  const std::string id = session.call().words[0];
  const Json after =
      session.client().send("POST", "/v1/deployments/" + percent_encode(id) + "/" + verb, body);
  print(session.json() ? after.dump()
                       : "deployment " + id + " of " + after["service"]["name"].text() + " is " +
                             after["status"].text());
  return 0;
}

int approve(Session& session) { return decide(session, "approve", "{}"); }

int reject(Session& session) {
  std::string body;
  {
    JsonObject object(body);
    if (const auto reason = session.call().value("--message")) object.text("reason", *reason);
  }
  return decide(session, "reject", body);
}

}  // namespace

std::vector<Command> deployment_commands() {
  const std::vector<Option> options = {{"-n,--limit", "N", "how many, newest first (20)"}};
  return {
      {.path = "deployment",
       .summary = "the service's deployments, newest first",
       .aliases = {"deployments"},
       .scope = Scope::service,
       .options = options,
       .run = list},
      {.path = "deployment list",
       .summary = "the service's deployments, newest first",
       .aliases = {"ls"},
       .scope = Scope::service,
       .options = options,
       .examples = {"deployment list --limit 5 --json"},
       .run = list},
      {.path = "deployment approve",
       .summary = "let a deployment in that needs an approval",
       .words = "ID",
       .words_max = 1,
       .run = approve},
      {.path = "deployment reject",
       .summary = "pass a deployment over that needs an approval",
       .words = "ID",
       .words_max = 1,
       .options = {{"-m,--message", "TEXT", "why"}},
       .run = reject},
  };
}

}  // namespace gantry::cli
