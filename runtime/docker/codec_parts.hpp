// Reads parts of the engine's JSON and never throws, whatever the engine sends: what is absent or
// of another type reads as empty. Templates, so that the JSON library stays in the codec's sources.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry::docker {

inline Error unreadable(std::string_view what) {
  return {Code::internal, "engine_reply_unreadable",
          "the container engine's answer to " + std::string(what) + " cannot be read"};
}

template <class Json>
const Json& at(const Json& object, std::string_view key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

template <class Json>
std::string text(const Json& object, std::string_view key) {
  const Json& value = at(object, key);
  return value.is_string() ? value.template get<std::string>() : std::string();
}

template <class Json>
std::int64_t integer(const Json& object, std::string_view key) {
  const Json& value = at(object, key);
  return value.is_number() ? value.template get<std::int64_t>() : 0;
}

template <class Json>
TimePoint time(const Json& object, std::string_view key) {
  const auto parsed = parse_time(text(object, key));
  return parsed ? *parsed : TimePoint{};
}

}  // namespace gantry::docker
