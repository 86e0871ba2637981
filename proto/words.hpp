// One string into words, without a shell: white space separates, single quotes keep everything,
// double quotes keep everything but \" and \\, a backslash outside of quotes keeps the next
// character. Nothing expands. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

// A quote or backslash without its end: Code::invalid "unbalanced_quote".
Result<std::vector<std::string>> split_words(std::string_view text, std::string_view pointer);

}  // namespace gantry
