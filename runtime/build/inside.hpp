// Files of an unpacked source, found and read without leaving it: the links in it may lead only
// inside. Blocking; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// Whether `path` (below `root`, both without a slash at their end) is a regular file, or a link to
// one, that lies in `root`.
bool has_file(const std::string& root, std::string_view path);
bool has_folder(const std::string& root, std::string_view path);
bool is_link(const std::string& root, std::string_view path);

// Its text; nothing when there is no such file. More than `limit` bytes: invalid "file_too_large".
Result<std::optional<std::string>> read_inside(const std::string& root, std::string_view path,
                                               std::size_t limit);

// "a/, b/, package.json and 7 more": what is in a folder, for a message.
std::string contents_line(const std::string& folder);

}  // namespace gantry
