// How far a word is from another: behind every "did you mean". Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace gantry {

// Levenshtein's distance: single characters put in, taken out or changed. The cost is the product
// of the lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace gantry
