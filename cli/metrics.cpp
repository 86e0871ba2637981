// What services used and answered: averages, peaks and limits, or the course point by point.
#include <chrono>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "cli/metrics_text.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr std::chrono::seconds kBetweenLooks{5};

// The query, with the words that the server reads itself: "1h" or a time.
std::string query_of(const Call& call) {
  std::string query = "?since=" + percent_encode(call.value("--since").value_or("1h"));
  if (const auto until = call.value("--until")) query += "&until=" + percent_encode(*until);
  return query;
}

MetricsWish wish_of(const Call& call) {
  MetricsWish wish{.cpu = call.has("--cpu"),
                   .memory = call.has("--memory"),
                   .network = call.has("--network"),
                   .volume = call.has("--volume"),
                   .http = call.has("--http"),
                   .exact = call.has("--raw")};
  if (!wish.cpu && !wish.memory && !wish.network && !wish.volume && !wish.http)
    wish.cpu = wish.memory = wish.network = wish.volume = wish.http = true;
  return wish;
}

std::string of_service(Session& session, const Place& place) {
  const Json answer =
      session.client().get(place.instance_path() + "/metrics" + query_of(session.call()));
  if (session.json()) return answer.dump();
  const MetricsWish wish = wish_of(session.call());
  return session.call().has("--raw") ? metrics_course(answer, wish)
                                     : metrics_report(answer["summary"], wish);
}

std::string of_environment(Session& session, const Place& place) {
  const auto all =
      session.client().list(place.environment_path() + "/metrics" + query_of(session.call()));
  if (session.json()) return json_array(all);
  return all.empty() ? "no services in " + place.environment
                     : metrics_overview(all, wish_of(session.call()));
}

int metrics(Session& session) {
  const Call& call = session.call();
  if (call.has("--all") && call.value("--service"))
    throw Failure{"--all and --service do not go together", "contradiction",
                  "leave one of them out", kUnreadable};
  const Place place = call.has("--all") ? find_environment(session) : find_service(session);
  const auto look = [&] {
    return call.has("--all") ? of_environment(session, place) : of_service(session, place);
  };
  if (!call.has("--watch")) {
    print(look());
    return 0;
  }
  const bool terminal = is_terminal(1) && !session.json();
  for (;;) {
    const std::string text = look();
    print((terminal ? "\x1b[H\x1b[2J" : "") + text);
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace

std::vector<Command> metrics_commands() {
  return {
      {.path = "metrics",
       .summary = "what a service used and answered: averages, peaks, limits, and what to do",
       .aliases = {"metric"},
       .scope = Scope::service,
       .options = {{"-a,--all", "", "all services of the environment"},
                   {"-S,--since", "1h|TIME", "from when on: how long ago, or a time (default 1h)"},
                   {"-U,--until", "10m|TIME", "up to when (default now)"},
                   {"--cpu", "", "only the processor, or with others of these only those"},
                   {"--memory", "", "only memory"},
                   {"--network", "", "only the network"},
                   {"--volume", "", "only volumes"},
                   {"--http", "", "only requests"},
                   {"--raw", "", "the course, point by point, in plain numbers"},
                   {"-w,--watch", "", "again every 5 s, until Ctrl-C"}},
       .examples = {"metrics -s api", "metrics --all --since 1d", "metrics --cpu --raw -S 6h",
                    "metrics --http --json"},
       .run = metrics}};
}

}  // namespace gantry::cli
