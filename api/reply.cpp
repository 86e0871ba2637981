#include "api/reply.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gantry::api {
namespace {

std::string hex(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return {digits, end};
}

// Eight bytes at a step, since it runs over the body of every read: tells texts apart, protects
// nothing.
std::uint64_t digest(std::string_view text) {
  std::uint64_t hash = text.size() ^ 0xcbf29ce484222325U;
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t length = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), length);
    text.remove_prefix(length);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29;
  }
  return hash;
}

std::string tag_of(std::int64_t version, std::string_view body, Varies varies) {
  std::string tag = "\"v" + std::to_string(version);
  if (varies == Varies::with_body) tag += "-" + hex(digest(body));
  return tag + "\"";
}

// If-None-Match compares weakly: W/"v1" names "v1".
bool names(std::string_view list, std::string_view tag) {
  if (list == "*") return true;
  for (auto at = list.find(tag); at != std::string_view::npos; at = list.find(tag, at + 1))
    if (at == 0 || list[at - 1] == ' ' || list[at - 1] == ',' || list[at - 1] == '/') return true;
  return false;
}

Response tagged(const Request& request, std::string tag, std::string body) {
  Response response;
  const std::string* seen = request.header("if-none-match");
  if (request.method == Method::get && seen != nullptr && names(*seen, tag))
    response.status = 304;
  else
    response.body = std::move(body);
  response.headers.emplace_back("ETag", std::move(tag));
  return response;
}

}  // namespace

Response object(const Request& request, std::int64_t version, std::string body, Varies varies) {
  std::string tag = tag_of(version, body, varies);
  return tagged(request, std::move(tag), std::move(body));
}

Response object(const Request& request, const TextCache::Text& text) {
  Response response;
  const std::string* seen = request.header("if-none-match");
  if (seen != nullptr && names(*seen, text.tag))
    response.status = 304;
  else
    response.shared_body = text.body;
  response.headers.emplace_back("ETag", text.tag);
  return response;
}

std::string object_tag(std::int64_t version, std::string_view body) {
  return tag_of(version, body, Varies::with_body);
}

Response started(int status, std::string location, std::int64_t version, std::string body,
                 Varies varies) {
  Response response;
  response.status = status;
  response.headers.emplace_back("ETag", tag_of(version, body, varies));
  response.headers.emplace_back("Location", std::move(location));
  response.body = std::move(body);
  return response;
}

Response created(std::string location, std::string body) {
  Response response;
  response.status = 201;
  response.headers.emplace_back("Location", std::move(location));
  response.body = std::move(body);
  return response;
}

Response no_content() {
  Response response;
  response.status = 204;
  return response;
}

std::string body_tag(std::string_view body) { return "\"h" + hex(digest(body)) + "\""; }

Response unversioned(const Request& request, std::string body) {
  std::string tag = body_tag(body);
  return tagged(request, std::move(tag), std::move(body));
}

IfMatch if_match(const Request& request) {
  const std::string* header = request.header("if-match");
  if (header == nullptr || *header == "*") return std::nullopt;
  std::int64_t version = -1;
  if (header->size() < 4 || header->compare(0, 2, "\"v") != 0 || header->back() != '"') return -1;
  const auto [rest, error] =
      std::from_chars(header->data() + 2, header->data() + header->size() - 1, version);
  return error == std::errc() && (*rest == '"' || *rest == '-') ? version : -1;
}

const std::string* response_header(const Response& response, std::string_view name) {
  const auto found = std::find_if(response.headers.begin(), response.headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == response.headers.end() ? nullptr : &found->second;
}

}  // namespace gantry::api
