#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr std::size_t kPage = 1000;

std::string audit_path(Session& session) {
  const Call& call = session.call();
  const std::string base =
      call.has("--project") ? find_project(session).project_path() + "/audit" : "/v1/audit";
  std::string query;
  const TimePoint now = system_clock().now();
  for (const char* name : {"since", "until"})
    if (const auto text = call.value(std::string("--") + name))
      query += std::string("&") + name + "=" + percent_encode(since_time(*text, now));
  return base + "?limit=" + std::to_string(kPage) + query;
}

// The number that the last line of an export begins with, and how many lines it has.
struct Tail {
  std::string seq;
  std::size_t lines = 0;
};
Tail tail_of(const std::string& text, bool csv) {
  Tail tail;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\n') continue;
    ++tail.lines;
    const std::string line = text.substr(begin, at - begin);
    const auto first = line.find_first_of("0123456789");
    if (first != std::string::npos)
      tail.seq = line.substr(first, line.find_first_not_of("0123456789", first) - first);
    begin = at + 1;
  }
  if (csv && tail.lines > 0) --tail.lines;  // its head
  return tail;
}

int export_as(Session& session, const std::string& format) {
  const std::string path = audit_path(session) + "&format=" + format;
  const bool csv = format == "csv";
  std::string cursor;
  for (;;) {
    const std::string from = cursor.empty() ? path : path + "&cursor=" + cursor;
    const HttpReply reply = session.client().raw("GET", from, "");
    if (reply.status != 200) throw session.client().failure_of(reply);
    std::string text = reply.body;
    const Tail tail = tail_of(text, csv);
    if (csv && !cursor.empty()) text.erase(0, text.find('\n') + 1);
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (tail.lines < kPage || tail.seq.empty() || tail.seq == cursor) break;
    cursor = tail.seq;
  }
  std::fflush(stdout);
  return 0;
}

std::string who(const Json& line) {
  const std::string user = line["user_name"].text();
  if (!user.empty()) return user;
  const std::string token = line["token_name"].text();
  return token.empty() ? "-" : token;
}

int audit(Session& session) {
  const auto format = session.call().value("--format");
  if (format) {
    if (*format != "csv" && *format != "ndjson")
      throw Failure{"--format is csv or ndjson", "usage", "", kUnreadable};
    return export_as(session, *format);
  }
  std::vector<std::string> documents;
  std::vector<Row> rows;
  const Json page = session.client().get(audit_path(session));
  for (const Json& each : page["data"].items()) {
    documents.push_back(each.dump());
    rows.push_back({each["at"].text(), who(each), each["outcome"].text(), each["action"].text(),
                    each["message"].text()});
  }
  if (session.json()) {
    print(json_array(documents));
    return 0;
  }
  print_table({"TIME", "WHO", "OUTCOME", "ACTION", "WHAT"}, rows);
  if (!page["next_cursor"].text().empty())
    session.note("there is more: --since and --until narrow it, --format csv gives all");
  return 0;
}

}  // namespace

std::vector<Command> audit_commands() {
  return {{.path = "audit",
           .summary = "who did what, newest first: of a project for its owners, else of all",
           .options = {{"-p,--project", "NAME|ID", "of this project"},
                       {"--since", "TIME", "90s, 30m, 2d ago, or a time"},
                       {"--until", "TIME", "the same"},
                       {"--format", "FORMAT", "csv or ndjson: all of it"}},
           .examples = {"audit --project shop --since 7d", "audit --format csv > audit.csv"},
           .run = audit}};
}

}  // namespace gantry::cli
