// The share of a service's requests that another one answers.
#include <charconv>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

void show_traffic(const Session& session, const Place& place, const Json& traffic) {
  const Json split = traffic["split"];
  if (session.json()) return print(traffic.dump());
  const std::int64_t percent = split["percent"].number();
  std::vector<Row> rows{{place.service, std::to_string(100 - percent) + "%"}};
  if (!split.is_null())
    rows.push_back({split["service"]["name"].text(), std::to_string(percent) + "%"});
  print_table({"SERVICE", "REQUESTS"}, rows);
}

int show(Session& session) {
  const Place place = find_service(session);
  show_traffic(session, place, session.client().get(place.instance_path() + "/traffic"));
  return 0;
}

struct Share {
  std::string service;
  int percent = 0;
};

Share parse_share(std::string text) {
  const Failure wrong{"expected SERVICE=PERCENT such as api-green=10, not \"" + text + "\"",
                      "usage", "", kUnreadable};
  if (text.ends_with('%')) text.pop_back();
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw wrong;
  Share share{.service = text.substr(0, equals)};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + equals + 1, end, share.percent);
  if (error != std::errc() || rest != end) throw wrong;
  return share;
}

int split(Session& session) {
  const Share share = parse_share(session.call().words.front());
  const Place place = find_service(session);
  std::string body;
  {
    JsonObject object(body);
    JsonObject(object.at("split")).text("service", share.service).number("percent", share.percent);
  }
  const auto traffic = change(session, "PUT", place.instance_path() + "/traffic", body);
  if (traffic) show_traffic(session, place, *traffic);
  return 0;
}

int clear(Session& session) {
  const Place place = find_service(session);
  if (!change(session, "DELETE", place.instance_path() + "/traffic")) return 0;
  std::string out;
  JsonObject(out).text("service", place.service).null("split");
  print(session.json() ? out : place.service + " answers all its requests itself");
  return 0;
}

}  // namespace

std::vector<Command> traffic_commands() {
  return {{.path = "traffic",
           .summary = "which service answers which share of the requests",
           .scope = Scope::service,
           .run = show},
          {.path = "traffic show",
           .summary = "which service answers which share of the requests",
           .scope = Scope::service,
           .run = show},
          {.path = "traffic split",
           .summary = "give a share of the requests to another service",
           .words = "SERVICE=PERCENT",
           .words_max = 1,
           .scope = Scope::service,
           .examples = {"traffic split api-green=10 -s api"},
           .run = split},
          {.path = "traffic clear",
           .summary = "end the share",
           .scope = Scope::service,
           .examples = {"traffic clear -s api"},
           .run = clear}};
}

}  // namespace gantry::cli
