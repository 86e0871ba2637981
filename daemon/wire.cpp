#include "daemon/wire.hpp"

#include <algorithm>
#include <cctype>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

namespace gantry::wire {
namespace {

namespace http = boost::beast::http;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void read_query(std::string_view text, std::vector<std::pair<std::string, std::string>>& out) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    out.emplace_back(decoded(pair.substr(0, equals)),
                     equals == std::string_view::npos ? "" : decoded(pair.substr(equals + 1)));
  }
}

bool sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

// The headers that the API reads; no other is copied.
constexpr std::string_view kHeaders[] = {
    "accept", "authorization", "content-type", "idempotency-key", "if-none-match", "if-match",
    "last-event-id", "x-request-id", "project-access-token", "upload-offset",
    // of hooks
    "x-github-event", "x-github-delivery", "x-hub-signature-256", "x-hub-signature",
    "x-gitlab-event", "x-gitlab-token", "x-gitlab-event-uuid", "webhook-id", "webhook-timestamp",
    "webhook-signature", "x-gitea-event", "x-gitea-delivery", "x-gitea-signature",
    "x-forgejo-delivery", "x-event-key", "x-request-uuid"};

// In lower case; empty when the API does not read it.
std::string_view header_of(std::string_view name) {
  for (const std::string_view known : kHeaders)
    if (known.size() == name.size() && boost::beast::iequals(known, name)) return known;
  return {};
}

// Verbs the API does not know reach match() as a method no route has: GET on a path that never is.
bool method_of(http::verb verb, api::Method& out) {
  switch (verb) {
    case http::verb::get:
    case http::verb::head:
      out = api::Method::get;
      return true;
    case http::verb::post:
      out = api::Method::post;
      return true;
    case http::verb::put:
      out = api::Method::put;
      return true;
    case http::verb::patch:
      out = api::Method::patch;
      return true;
    case http::verb::delete_:
      out = api::Method::del;
      return true;
    default:
      return false;
  }
}

}  // namespace

api::Request request_of(http::request<http::string_body> message, std::uint64_t number) {
  api::Request request = request_of(message.base(), number);
  request.body = std::move(message.body());
  return request;
}

api::Request request_of(const http::request_header<http::fields>& message, std::uint64_t number) {
  api::Request request;
  const std::string_view target(message.target().data(), message.target().size());
  request.target = std::string(target);
  const auto question = target.find('?');
  request.path = method_of(message.method(), request.method)
                     ? std::string(target.substr(0, question))
                     : "/unknown-method";
  if (question != std::string_view::npos) read_query(target.substr(question + 1), request.query);
  for (const auto& field : message) {
    const std::string_view known =
        header_of({field.name_string().data(), field.name_string().size()});
    if (!known.empty())
      request.headers.emplace_back(known,
                                   std::string_view(field.value().data(), field.value().size()));
  }
  static const std::string run = new_ulid(system_clock().now()).substr(10);
  const std::string* given = request.header("x-request-id");
  request.request_id =
      given != nullptr && sane_request_id(*given) ? *given : fmt::format("{}-{}", run, number);
  return request;
}

std::string head(const api::Response& response, Framing framing) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string out;
  out.reserve(256);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\n";
  const std::size_t length =
      response.shared_body ? response.shared_body->size() : response.body.size();
  if (!response.content_type.empty() && (length > 0 || response.stream)) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    out += name;
    out += ": ";
    if (value.find_first_of("\r\n") == std::string::npos) {
      out += value;
    } else {
      for (const char c : value)
        if (c != '\r' && c != '\n') out += c;
    }
    out += "\r\n";
  }
  if (response.stream) {
    out += "Cache-Control: no-store\r\n";
  } else if (response.status != 204 && response.status != 304) {
    out += "Content-Length: ";
    out += std::to_string(length);
    out += "\r\n";
  }
  out += framing.keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  return out;
}

std::string problem(int status, const std::string& code, const std::string& detail) {
  return fmt::format(
      R"({{"type":"/docs/problems/{0}","title":"{0}","status":{1},"code":"{0}","detail":"{2}"}})",
      code, status, detail);
}

}  // namespace gantry::wire
