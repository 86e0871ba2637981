// Enums travel as their text: one table each, read in both directions.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

namespace gantry {

template <class E>
struct Named {
  E value;
  std::string_view text;
};

// REQUIRES: the table has the value.
template <class Table, class E>
std::string_view text_of(const Table& table, E value) {
  return std::find_if(table.begin(), table.end(),
                      [&](const auto& row) { return row.value == value; })
      ->text;
}

template <class Table>
auto value_of(const Table& table, std::string_view text)
    -> std::optional<decltype(table[0].value)> {
  const auto row =
      std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.text == text; });
  if (row == table.end()) return std::nullopt;
  return row->value;
}

// "blue-green" as "BLUE_GREEN".
inline std::string constant_case(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return upper;
}

}  // namespace gantry
