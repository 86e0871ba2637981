// A person's path inside a source tree in its one form: "apps/api". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry {

// "/apps//api/" and "./apps/api" are "apps/api"; "", "/" and "." are "". Nothing when it leads out
// of the tree, or holds a control character or more than 2048 bytes.
std::optional<std::string> source_path(std::string_view text);

// `path` below `directory`, either of which may be empty.
std::string join_source_path(std::string_view directory, std::string_view path);

// "sha256:" and 64 lower-case hexadecimal digits.
bool is_digest(std::string_view text);

}  // namespace gantry
