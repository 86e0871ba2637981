// Host names that people give their services. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// In lower case and without the dot at the end: labels of letters, digits and hyphens (RFC 1123,
// 2.1), at least two of them. No wildcard, port, scheme or address.
Result<std::string> parse_host(std::string_view text, std::string_view pointer = "");

}  // namespace gantry
