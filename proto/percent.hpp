// Percent escapes of RFC 3986, section 2.1: text into a path's segment or a query's value. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gantry {

// Every byte becomes "%XX" but unreserved ones (letters, digits, "-._~") and those in `kept`.
std::string percent_encode(std::string_view text, std::string_view kept = "");

}  // namespace gantry
