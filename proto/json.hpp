// JSON written as text, appended piece by piece: the nouns in the words of the REST contract. No
// document tree, because these run on the path of every read. Strings that are not UTF-8 (output of
// programs) get U+FFFD.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/model.hpp"
#include "proto/snapshot.hpp"

namespace gantry {

void append_json_string(std::string& out, std::string_view text);

// One object; the closing brace comes with its end of scope. Keys are literals of ours, never a
// caller's text.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;
  ~JsonObject() { out_ += '}'; }

  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& text_or_null(std::string_view key, std::string_view value);  // empty: null
  JsonObject& number(std::string_view key, std::int64_t value);
  JsonObject& number_or_null(std::string_view key, std::optional<std::int64_t> value);
  JsonObject& boolean(std::string_view key, bool value);
  JsonObject& time(std::string_view key, TimePoint value);
  JsonObject& time_or_null(std::string_view key, const std::optional<TimePoint>& value);
  JsonObject& null(std::string_view key);
  JsonObject& raw(std::string_view key, std::string_view json);
  // Writes the key and gives the text to append the value to.
  std::string& at(std::string_view key);

 private:
  std::string& out_;
  bool first_ = true;
};

// {"id","name"}: the one that a noun belongs to.
void append_reference(JsonObject&, std::string_view key, std::string_view id,
                      std::string_view name);

// Where the edge serves: what an instance's host and URL are made of.
struct Site {
  std::string_view base_domain;
  int edge_port = 80;
  std::string_view url_scheme = "http";
};

// Its member "tcp_proxy": {"host","port","target_port"} or null.
void append_tcp_proxy(JsonObject&, const ServiceInstance&, std::string_view base_domain);

// The owners of an instance, for its "project", "environment" and "service".
struct Owners {
  const Project& project;
  const Environment& environment;
  const Service& service;
};

void append_json(std::string& out, const Project&);
void append_json(std::string& out, const Environment&);
void append_json(std::string& out, const Service&);
void append_json(std::string& out, const Variable&);
void append_json(std::string& out, const Replica&);
void append_json(std::string& out, const Event&);
// A token's; null where it has none, as an account token.
void append_json(std::string& out, const Token&, const Project*, const Environment*);
void append_json(std::string& out, const Owners&, const InstanceView&, const Site&);
void append_json(std::string& out, const Owners&, const Deployment&);

template <class... Parts>
std::string to_json(const Parts&... parts) {
  std::string out;
  out.reserve(1024);
  append_json(out, parts...);
  return out;
}

}  // namespace gantry
