// What the files of the repositories' ledger share: columns to values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/rows.hpp"

namespace gantry {

template <class T>
T id_from(const pqxx::field& field) {
  const auto id = T::parse(field.c_str());
  return id ? *id : T();
}

inline std::optional<TimePoint> maybe_time(const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional(time_from(field));
}

inline std::optional<std::string> text_of(const std::optional<TimePoint>& time) {
  return time ? std::optional(format_time(*time)) : std::nullopt;
}

template <class T>
std::vector<T> all_of(const pqxx::result& rows, T (*from)(const pqxx::row&)) {
  std::vector<T> found;
  for (const auto& row : rows) found.push_back(from(row));
  return found;
}

}  // namespace gantry
