// Answers about one object and the conditional headers that belong to them (RFC 9110, 13). Pure.
#pragma once

#include "api/http.hpp"

namespace gantry::api {

// What changes the text of an object: its row alone, or also other rows (names of owners, a
// status).
enum class Varies { with_version, with_body };

// The object with its ETag; 304 without a body for a GET whose If-None-Match names it.
Response object(const Request&, std::int64_t version, std::string body,
                Varies = Varies::with_version);
// The same from a cached text.
Response object(const Request&, const TextCache::Text&);
std::string object_tag(std::int64_t version, std::string_view body);  // of Varies::with_body
// 201 or 202 with Location.
Response started(int status, std::string location, std::int64_t version, std::string body,
                 Varies = Varies::with_version);
// 201 with Location, of what has no version.
Response created(std::string location, std::string body);
Response no_content();

// A list that has no version: its ETag comes from its text.
Response unversioned(const Request&, std::string body);
std::string body_tag(std::string_view body);

// The version in If-Match; nothing when absent or "*". One that no object can have reads as -1.
IfMatch if_match(const Request&);

const std::string* response_header(const Response&, std::string_view name);

}  // namespace gantry::api
