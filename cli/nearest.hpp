// Words for a person who mistyped one. Pure.
#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

// The known word with the fewest edits, at most a third of its letters; else empty.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace gantry::cli
