// The audit log: of the installation for its operator, of a project for its owners.
#include <charconv>

#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/page.hpp"
#include "api/people_json.hpp"
#include "api/problem.hpp"

namespace gantry::api {
namespace {

constexpr int kLinesMax = 1000;

enum class Format { json, ndjson, csv };

Result<Format> read_format(const Request& request) {
  const std::string* text = request.query_value("format");
  if (text == nullptr || *text == "json") return Format::json;
  if (*text == "ndjson") return Format::ndjson;
  if (*text == "csv") return Format::csv;
  return invalid_query("format", "expected json, ndjson or csv");
}

Result<std::optional<TimePoint>> read_time(const Request& request, const char* name) {
  const std::string* text = request.query_value(name);
  if (text == nullptr) return std::optional<TimePoint>();
  const auto time = parse_time(*text);
  if (!time) return invalid_query(name, "expected a time such as 2026-11-29T12:00:00Z");
  return std::optional<TimePoint>(*time);
}

// Below which line to go on; 0: from the newest.
Result<std::int64_t> read_before(const Request& request) {
  const std::string* text = request.query_value("cursor");
  if (text == nullptr) return std::int64_t{0};
  std::int64_t before = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), before);
  if (error != std::errc() || end != text->data() + text->size() || before < 1)
    return invalid_query("cursor", "expected the next_cursor of an earlier page");
  return before;
}

std::string lines_as(Format format, const std::vector<AuditEntry>& lines) {
  std::string out = format == Format::csv ? csv_head() : "";
  for (const AuditEntry& each : lines) {
    if (format == Format::json && !out.empty()) out += ',';
    if (format == Format::csv) {
      append_csv(out, each);
      continue;
    }
    append_json(out, each);
    if (format == Format::ndjson) out += '\n';
  }
  return out;
}

Answer read(const Request& request, Context& context, AuditFilter filter) {
  if (context.audit == nullptr)
    return Error{Code::unavailable, "no_audit", "this server keeps no audit log"};
  const auto format = read_format(request);
  if (!format) return format.error();
  const auto since = read_time(request, "since");
  if (!since) return since.error();
  const auto until = read_time(request, "until");
  if (!until) return until.error();
  const auto before = read_before(request);
  if (!before) return before.error();
  const auto limit =
      read_limit(request, *format == Format::json ? kPageDefault : kLinesMax, kLinesMax);
  if (!limit) return limit.error();
  filter.since = *since;
  filter.until = *until;
  auto lines = context.audit->read(filter, *before, *limit + 1);
  if (!lines) return lines.error();
  const bool more = lines->size() > static_cast<std::size_t>(*limit);
  if (more) lines->pop_back();
  const std::string next = more ? std::to_string(lines->back().seq) : "";
  Response response;
  std::string text = lines_as(*format, *lines);
  if (*format != Format::json) {
    response.content_type =
        *format == Format::csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    if (more) response.headers.emplace_back("X-Next-Cursor", next);
    response.body = std::move(text);
    return response;
  }
  JsonObject(response.body)
      .raw("data", "[" + text + "]")
      .text_or_null("next_cursor", next)
      .boolean("has_more", more);
  return response;
}

}  // namespace

Answer read_audit(const Request& request, Context& context) { return read(request, context, {}); }

Answer read_project_audit(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  return read(request, context, {.project_id = place->project->project.id.str()});
}

}  // namespace gantry::api
