// What the value of a variable is made of: text as it is, and references to other variables. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

struct WrittenReference {
  std::string text;        // as written, for messages
  std::string name_space;  // empty: same scope
  std::string name;
};
using ValuePiece = std::variant<std::string, WrittenReference>;

// In their order. A reference that cannot be read: Code::invalid "malformed_reference" at /value.
Result<std::vector<ValuePiece>> parse_value(std::string_view value);

}  // namespace gantry
