#include "api/problem.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/json.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kInstanceMax = 256;

// Of Code::invalid: the message itself cannot be read.
constexpr std::array<std::string_view, 7> kUnreadable{
    "malformed_json",    "duplicate_key",          "too_deep", "invalid_query", "invalid_cursor",
    "unknown_parameter", "invalid_idempotency_key"};

int status_of(const Error& error) {
  switch (error.code) {
    case Code::invalid:
      return std::find(kUnreadable.begin(), kUnreadable.end(), error.reason) == kUnreadable.end()
                 ? 422
                 : 400;
    case Code::unauthenticated:
      return 401;
    case Code::forbidden:
      return 403;
    case Code::not_found:
      return 404;
    case Code::conflict:
      return 409;
    case Code::stale:
      return 412;
    case Code::exhausted:
      return error.reason == "source_too_large" ? 413 : error.reason == "disk_full" ? 507 : 409;
    case Code::unavailable:
      return 503;
    case Code::internal:
      return 500;
  }
  return 500;
}

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "The request cannot be read";
    case 401:
      return "A valid token is needed";
    case 403:
      return "This token may not do that";
    case 404:
      return "There is no such thing";
    case 405:
      return "The resource does not know this method";
    case 409:
      return "The request conflicts with the present state";
    case 412:
      return "The object has changed";
    case 413:
      return "The body is too large";
    case 415:
      return "The body's media type is not supported";
    case 422:
      return "The request has fields that need to be changed";
    case 503:
      return "The service cannot answer now";
    case 507:
      return "The server has no room for it";
    default:
      return "Something broke inside Gantry";
  }
}

void append_errors(JsonObject& object, const std::vector<FieldError>& fields) {
  std::string& out = object.at("errors");
  out += '[';
  for (const FieldError& field : fields) {
    if (out.back() != '[') out += ',';
    JsonObject entry(out);
    if (!field.pointer.empty() && field.pointer.front() == '?')
      entry.text("parameter", std::string_view(field.pointer).substr(1));
    else if (!field.pointer.empty() && field.pointer.front() == '@')
      entry.text("header", std::string_view(field.pointer).substr(1));
    else
      entry.text("pointer", field.pointer);
    entry.text("code", field.code).text("detail", field.detail);
  }
  out += ']';
}

// The store writes the row's version as the last number of the detail.
std::optional<std::int64_t> version_in(std::string_view detail) {
  constexpr std::string_view digits = "0123456789";
  const auto last = detail.find_last_of(digits);
  if (last == std::string_view::npos) return std::nullopt;
  const auto before = detail.find_last_not_of(digits, last);
  const auto first = before == std::string_view::npos ? 0 : before + 1;
  std::int64_t version = 0;
  std::from_chars(detail.data() + first, detail.data() + last + 1, version);
  return version;
}

Response write(int status, const Error& error, const Request& request) {
  const bool in_flight =
      error.reason == "idempotency_key_in_flight" || error.reason == "upload_in_progress";
  const bool retryable = error.code == Code::unavailable || in_flight;
  Response response;
  response.status = status;
  response.reason = error.reason;
  response.content_type = "application/problem+json";
  {
    JsonObject object(response.body);
    object.text("type", "/docs/problems/" + error.reason)
        .text("title", title_of(status))
        .number("status", status)
        .text("detail", error.detail)
        .text("instance", std::string_view(request.path).substr(0, kInstanceMax))
        .text("code", error.reason)
        .text("request_id", request.request_id)
        .boolean("retryable", retryable);
    if (error.code == Code::stale)
      if (const auto version = version_in(error.detail)) object.number("version", *version);
    append_errors(object, error.fields);
  }
  if (retryable) response.headers.emplace_back("Retry-After", in_flight ? "1" : "2");
  return response;
}

}  // namespace

Response problem(const Error& error, const Request& request) {
  return write(status_of(error), error, request);
}

Response problem(const HttpError& error, const Request& request) {
  return write(error.status, Error{Code::invalid, error.reason, error.detail}, request);
}

Error invalid_header(std::string_view header, std::string reason, std::string detail) {
  return invalid("@" + std::string(header), std::move(reason), std::move(detail));
}

Error invalid_query(std::string_view parameter, std::string detail) {
  return invalid("?" + std::string(parameter), "invalid_query", std::move(detail));
}

}  // namespace gantry::api
