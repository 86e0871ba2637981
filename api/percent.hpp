// Percent escapes of RFC 3986, undone. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::api {

// One path segment; nothing when an escape is malformed.
std::optional<std::string> decode_segment(std::string_view);
// A query's name or value: '+' is a blank; malformed escapes stay as they are.
std::string decode_query(std::string_view);

}  // namespace gantry::api
