// Host names that people give their services. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// In lower case and without the dot at the end: labels of letters, digits and hyphens (RFC 1123,
// 2.1), at least two of them. No wildcard, port, scheme or address.
Result<std::string> parse_host(std::string_view text, std::string_view pointer = "");

// Of the form LABEL.DOMAIN: "api-production.example.net" below "example.net".
bool is_directly_below(std::string_view host, std::string_view domain);

}  // namespace gantry
